"""pytest-benchmark for coroutine functions: docs/pytest-benchmark.md. Imports nothing of ours."""
