"""The overhead of the harness, and the cost of session_guard."""
