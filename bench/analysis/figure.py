"""The figures that compare two cases: a value of each round, its unit, and which way is better."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.model.case import Case
from bench.model.units import RATES, TIMES, Unit


@dataclass(frozen=True)
class Figure:
    """A field of `bench.analysis.summary.Round`, or one of its latency quantiles."""

    field: str
    title: str
    """The title for an axis or a heading, without the unit."""
    units: tuple[Unit, ...]
    more_is_better: bool

    @property
    def words(self) -> str:
        """The name in a sentence."""
        return "throughput" if self.field == "throughput_per_s" else self.title


THROUGHPUT = Figure("throughput_per_s", "operations/s", RATES, True)

FIGURES: Mapping[str, Figure] = {
    "throughput": THROUGHPUT,
    "rows": Figure("rows_per_s", "rows/s", RATES, True),
    "p50": Figure("p50", "p50 latency", TIMES, False),
    "p95": Figure("p95", "p95 latency", TIMES, False),
    "p99": Figure("p99", "p99 latency", TIMES, False),
    "first-row": Figure("first_row_p50_ns", "wait for the first row", TIMES, False),
    "cpu": Figure("client_cpu_ns", "client CPU an operation", TIMES, False),
    "server-cpu": Figure("server_cpu_ns", "server CPU an operation", TIMES, False),
}
"""The figures by the name that a command takes."""


def usual_figure(cases: Iterable[Case]) -> str:
    """Return the name of the figure to compare these cases by, if the user names none.

    It is throughput, or p99 if every case has an arrival rate, since the throughput is that rate.
    """
    return "p99" if all(case.rate is not None for case in cases) else "throughput"
