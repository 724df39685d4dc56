"""The columns with the figures of each fetch, for the terminal and the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.model.units import BYTES, RATES, TIMES, Unit, unit_of
from bench.studies.streaming.evidence import FetchModeResult, SizePoint
from bench.studies.streaming.plan import RUN_SIZES


@dataclass(frozen=True)
class MetricColumn:
    """A column: one figure of each fetch, all in one unit that suits them."""

    name: str
    note: str
    """The meaning, in words."""
    units: tuple[Unit, ...]
    value: Callable[[FetchModeResult], float | None]

    def cells(self, ways: Sequence[FetchModeResult]) -> tuple[Unit, list[str]]:
        """Return the unit of the column, and the text for each of `ways`."""
        values = [self.value(way) for way in ways]
        unit = unit_of(values, self.units)
        return unit, [unit.text(value) for value in values]


def verdict(way: FetchModeResult) -> str:
    """Return the verdict, with the size of the batches if the late failure showed it."""
    if way.verdict == "streams in batches" and way.proof and way.proof.batch:
        return f"streams by {way.proof.batch:,}"
    return way.verdict


def memory_bytes(way: FetchModeResult) -> float | None:
    """Return the peak memory of the largest result, or None."""
    return way.memory_bytes.get(max(way.memory_bytes, default=0))


def _of_runs(
    figure: Callable[[SizePoint], float | None],
) -> Callable[[FetchModeResult], float | None]:
    """Return a function that gives a figure of the largest result which all backends run in rounds.

    A single fetch of a larger result has no such figures.
    """

    def value(way: FetchModeResult) -> float | None:
        sizes = sorted((size for size in way.points if size <= RUN_SIZES[-1]), reverse=True)
        figures = (figure(way.points[size]) for size in sizes)
        return next((value for value in figures if value is not None), None)

    return value


ROWS = MetricColumn("rows", "of the largest result of this fetch", RATES, lambda way: way.largest)
RATE = MetricColumn(
    "rows/s", "of that result", RATES, lambda way: way.points[way.largest].rows_per_s
)
FIRST = MetricColumn(
    "first",
    "time to the first row of that result",
    TIMES,
    lambda way: way.points[way.largest].first_row_ns,
)
MEMORY = MetricColumn(
    "memory", "peak memory of fetching that result, in a fresh process", BYTES, memory_bytes
)
COLUMNS = (
    ROWS,
    RATE,
    FIRST,
    MEMORY,
    MetricColumn(
        "stall",
        "longest stall of the event loop, in runs of 10,000 rows",
        TIMES,
        _of_runs(lambda point: point.stall_ns),
    ),
    MetricColumn(
        "server",
        "CPU time of the server for a fetch of 10,000 rows",
        TIMES,
        _of_runs(lambda point: point.server_cpu_ns),
    ),
    MetricColumn(
        "stopped",
        "time from asking for all rows until ten were read and the stream was closed",
        TIMES,
        lambda way: way.stopped_ns,
    ),
    MetricColumn(
        "held",
        "time for which the session was held to make dicts of 10,000 rows",
        TIMES,
        lambda way: way.proof.held_ns if way.proof else None,
    ),
)


def concurrent_columns(size: int) -> tuple[MetricColumn, ...]:
    """Return the columns for `size` tasks or threads at once, each with its own session."""
    return (
        MetricColumn(
            "rows/s",
            "of all clients together",
            RATES,
            lambda way: way.by_concurrency[size].rows_per_s,
        ),
        MetricColumn(
            "first",
            "time to the first row",
            TIMES,
            lambda way: way.by_concurrency[size].first_row_ns,
        ),
        MetricColumn(
            "stall",
            "longest stall of the event loop",
            TIMES,
            lambda way: way.by_concurrency[size].stall_ns,
        ),
    )
