"""What the harness costs, and what the guard costs."""
