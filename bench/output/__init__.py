"""The output of results: terminal tables, charts, HTML pages, and files for other programs."""
