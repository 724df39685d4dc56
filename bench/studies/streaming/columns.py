"""What is told of a way of fetching, a column each: on the terminal and in the report alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.model.units import BYTES, RATES, TIMES, Unit, unit_of
from bench.studies.streaming.evidence import FetchModeResult, SizePoint
from bench.studies.streaming.plan import RUN_SIZES


@dataclass(frozen=True)
class MetricColumn:
    """A figure of each way, all in the unit that suits them."""

    name: str
    note: str
    """What it means, in words."""
    units: tuple[Unit, ...]
    value: Callable[[FetchModeResult], float | None]

    def cells(self, ways: Sequence[FetchModeResult]) -> tuple[Unit, list[str]]:
        values = [self.value(way) for way in ways]
        unit = unit_of(values, self.units)
        return unit, [unit.text(value) for value in values]


def verdict(way: FetchModeResult) -> str:
    """The verdict, with the size of the batches where the failure told it."""
    if way.verdict == "streams in batches" and way.proof and way.proof.batch:
        return f"streams by {way.proof.batch:,}"
    return way.verdict


def memory_bytes(way: FetchModeResult) -> float | None:
    """Of its largest result."""
    return way.memory_bytes.get(max(way.memory_bytes, default=0))


def _of_runs(
    figure: Callable[[SizePoint], float | None],
) -> Callable[[FetchModeResult], float | None]:
    """Of the largest result that all backends run: of a lone fetch such figures are not taken."""

    def value(way: FetchModeResult) -> float | None:
        sizes = sorted((size for size in way.points if size <= RUN_SIZES[-1]), reverse=True)
        seen = (figure(way.points[size]) for size in sizes)
        return next((found for found in seen if found is not None), None)

    return value


ROWS = MetricColumn(
    "rows", "of the largest result that was fetched so", RATES, lambda way: way.largest
)
RATE = MetricColumn(
    "rows/s", "of that result", RATES, lambda way: way.points[way.largest].rows_per_s
)
FIRST = MetricColumn(
    "first", "wait for its first row", TIMES, lambda way: way.points[way.largest].first_row_ns
)
MEMORY = MetricColumn("memory", "peak of fetching it, in a fresh process", BYTES, memory_bytes)
COLUMNS = (
    ROWS,
    RATE,
    FIRST,
    MEMORY,
    MetricColumn(
        "stall",
        "longest of the event loop, in runs of 10,000 rows",
        TIMES,
        _of_runs(lambda point: point.stall_ns),
    ),
    MetricColumn(
        "server",
        "CPU time of the server, a fetch of 10,000 rows",
        TIMES,
        _of_runs(lambda point: point.server_cpu_ns),
    ),
    MetricColumn(
        "stopped",
        "from asking for all rows until ten were read, and the stream was left",
        TIMES,
        lambda way: way.stopped_ns,
    ),
    MetricColumn(
        "held",
        "how long the session was kept to make dicts of 10,000 rows",
        TIMES,
        lambda way: way.proof.held_ns if way.proof else None,
    ),
)


def crowd_columns(size: int) -> tuple[MetricColumn, ...]:
    """Of so many tasks or threads at once, each with a session of its own."""
    return (
        MetricColumn("rows/s", "of all together", RATES, lambda way: way.crowds[size].rows_per_s),
        MetricColumn(
            "first", "wait for a first row", TIMES, lambda way: way.crowds[size].first_row_ns
        ),
        MetricColumn(
            "stall", "longest of the event loop", TIMES, lambda way: way.crowds[size].stall_ns
        ),
    )
