"""The model: workloads, cases and plans. It is pure: it uses no clock and no server."""
