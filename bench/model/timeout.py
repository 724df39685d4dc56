"""The timeout: the time beyond the planned one after which something is given up."""

TIMEOUT_S = 120.0
"""The default, in seconds."""
