"""A claim about the time in which a large answer is freed: it is in no latency, but is counted."""

from statistics import fmean, median

from bench.analysis.stats import NS_PER_S
from bench.analysis.summary import of_case
from bench.model.case import Case
from bench.results.entries import Run
from bench.studies.audit.claim import Claim, Laboratory, Outcome

LARGE = Case("orm+psycopg2", "get_customers", loop="none")
SHORT_S, LONG_S = 0.01, 3.0
"""A window that holds one operation, and one that holds many."""


def _freed(run: Run) -> float:
    """Return the share of the time that throughput counts, and that is in no latency."""
    figures = of_case(LARGE, [run], [], [])
    per_s = figures.median_per_s
    return 1 - per_s * fmean(run.samples.duration_ns) / NS_PER_S


def _freeing(laboratory: Laboratory) -> Outcome:
    short = [laboratory.run(LARGE, SHORT_S, number=number) for number in range(5)]
    long = laboratory.run(LARGE, LONG_S)
    operations = len(long.samples)
    counted, alone = _freed(long), median(map(_freed, short))
    return Outcome(
        truth="above 0 in a window of many operations, 0 in a window of one (docs/method.md)",
        measured=f"{counted:.1%} of the time of {operations} operations, {abs(alone):.1%} of one",
        before="9 to 10 of 86 ms, and not said",
        holds=counted > 0.005 and abs(alone) < 0.005 and operations >= 5,
    )


CLAIMS = (
    Claim(
        "freeing-answers",
        "Throughput holds the time in which a large answer is freed, where its window has more than"
        " one operation.",
        f"real rounds of {LARGE.title}: 1 less throughput x latency, in windows of"
        f" {SHORT_S * 1e3:g} ms and {LONG_S:g} s",
        measure=_freeing,
    ),
)
