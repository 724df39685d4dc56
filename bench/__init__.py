"""The benchmark: from the work that is measured to its results and reports."""
