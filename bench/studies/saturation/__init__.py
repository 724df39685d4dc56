"""The highest arrival rate that a backend holds, and the latency on the way to it."""
