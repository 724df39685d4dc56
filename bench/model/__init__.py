"""What is measured and how often: workloads, cases, plans. Pure: no clock, no server."""
