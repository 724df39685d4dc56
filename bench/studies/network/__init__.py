"""The network between client and server: round trips an operation, and what a latency costs."""
