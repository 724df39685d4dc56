"""A claim about the time in which a large answer is freed: it is in no latency, but is counted."""

from statistics import median

from bench.analysis.stats import NS_PER_S
from bench.analysis.summary import of_case
from bench.model.case import Case
from bench.results.entries import Run
from bench.studies.audit.claim import Claim, Laboratory, Outcome

LARGE = Case("orm+psycopg2", "get_customers", loop="none")
SHORT_S, LONG_S = 0.01, 3.0
"""A window that holds one operation, and one that holds many."""


def _freed(run: Run) -> float:
    """Return the share of a round that is in none of its latencies."""
    return 1 - sum(run.samples.duration_ns) / run.elapsed_ns


def _freeing(laboratory: Laboratory) -> Outcome:
    short = [laboratory.run(LARGE, SHORT_S, number=number) for number in range(5)]
    long = laboratory.run(LARGE, LONG_S)
    figures = of_case(LARGE, [long], [], [])
    per_s = figures.throughput_per_s.median if figures.throughput_per_s else 0.0
    latency_s = sum(long.samples.duration_ns) / len(long.samples) / NS_PER_S
    counted = 1 - per_s * latency_s
    alone = median(map(_freed, short))
    return Outcome(
        truth="above 0 in a window of many operations; nothing in a window of one, as is said",
        measured=f"{counted:.0%} of the time of {len(long.samples)} operations, {alone:.1%} of one",
        before="9 to 10 of 86 ms, and not said",
        holds=counted > alone and alone < 0.02 and len(long.samples) >= 5,
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
