"""The audit: every claim about a figure, tested against a known truth by one command."""
