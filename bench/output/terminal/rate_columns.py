"""The columns of a table of cases at an arrival rate, and the lines of its legend."""

from collections.abc import Iterable

from rich.text import Text

from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.model.units import RATES, TIMES, Unit, unit_of, unit_of_column

SHOWN = (("service", "p50"), ("service", "p99"), ("wait", "p99"))
"""The parts of a response that a table shows, with their quantiles."""


def held(group: list[Summary]) -> tuple[str, list[Text]]:
    """Return the column that says in how many rounds the rate was held."""
    cells = []
    for summary in group:
        found = summary.open
        if found is None or found.is_held:
            cells.append(Text("yes" if found else ""))
        else:
            cells.append(Text(f"{found.held} of {found.rounds}", style="bold red"))
    return "\nheld", cells


def completed(group: list[Summary]) -> tuple[str, list[Text]]:
    """Return the column of the operations that ended, a second. It is not ranked."""
    rates = [summary.throughput_per_s for summary in group]
    unit = unit_of((rate.median for rate in rates if rate), RATES)
    cells = [Text(unit.text(rate.median if rate else None)) for rate in rates]
    return f"ended\n{unit.symbol}/s", cells


def parts(group: list[Summary], unit: Unit) -> list[tuple[str, list[Text]]]:
    """Return the columns of the parts of the response."""
    return [
        (
            f"{part} {quantile}\n{unit.symbol}",
            [Text(unit.text(_median(_part(s, part, quantile)))) for s in group],
        )
        for part, quantile in SHOWN
    ]


def unit(group: Iterable[Summary], quantiles: Iterable[str]) -> Unit:
    """Return the unit of all times of the table."""
    named = list(quantiles)
    times = (i.median for s in group for q in named if (i := s.latency_ns.get(q)))
    return unit_of_column(times, TIMES)


def legend(summaries: Iterable[Summary]) -> list[str]:
    """Return the lines that explain the columns; none without a rate."""
    at_rate = [summary for summary in summaries if summary.case.rate is not None]
    if not at_rate:
        return []
    lines = [
        "Open loop: operations arrive by a schedule. p50, p95 and p99 are of the response, from the"
        " intended\nstart; service is from the real start, wait is for a free client.",
    ]
    if not all(summary.held for summary in at_rate):
        lines.append(
            "held: the rounds in which clients kept up. Else the backlog grows, latencies depend on"
            " the\nlength of the window, and none is shown."
        )
    return lines


def _part(summary: Summary, part: str, quantile: str) -> Interval | None:
    if summary.open is None:
        return None
    interval: Interval | None = getattr(summary.open, f"{part}_ns").get(quantile)
    return interval


def _median(interval: Interval | None) -> float | None:
    return interval.median if interval else None
