"""The checks of `bench doctor`: whether this machine is fit to measure.

In each module one function collects facts, and others judge them. Those take plain numbers.
"""
