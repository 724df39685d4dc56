"""pytest-benchmark for coroutine functions (docs/pytest-benchmark.md). It imports nothing of
gatherbench.

`AsyncBenchmark` and `Results` are for annotations: the types of the fixture `async_benchmark` and
of its result. Their modules are imported at first use: pytest imports this package in
every test session of the environment.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from async_benchmark.fixture import AsyncBenchmark as AsyncBenchmark
    from async_benchmark.fixture import Results as Results

__all__ = ["AsyncBenchmark", "Results"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from async_benchmark import fixture

    return getattr(fixture, name)
