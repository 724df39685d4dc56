"""The streaming experiment: which fetches really stream, with their gains and their costs."""
