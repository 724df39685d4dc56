"""Is this machine fit to measure? What `bench doctor` looks at, and what it makes of it.

Each module sees facts in one function and judges them in others, which take plain numbers.
"""
