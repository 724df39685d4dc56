"""The timeout: how much longer than planned something may take before it is given up."""

TIMEOUT_S = 120.0
"""The default, in seconds."""
