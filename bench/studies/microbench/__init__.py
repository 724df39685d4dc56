"""The six functions under pytest-benchmark: `make microbench`, docs/pytest-benchmark.md."""
