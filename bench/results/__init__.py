"""The results file, which is all that measuring passes to rendering, and its content."""
