"""The comparisons of a run with a budget, in words: which are decided, after how many turns."""

from collections.abc import Sequence

from bench.analysis.figure import THROUGHPUT
from bench.analysis.sequential import EQUAL_WITHIN
from bench.analysis.stopping import Comparison

MOST_SHOWN = 12
"""The most comparisons that are printed one by one."""


def lines(comparisons: Sequence[Comparison]) -> list[str]:
    """Return the lines for the end of the command; none if nothing was compared."""
    if not comparisons:
        return []
    undecided = [c for c in comparisons if c.decision == "undecided"]
    decided = len(comparisons) - len(undecided)
    found = [f"decided  {decided} of {len(comparisons)} comparisons of throughput and client CPU"]
    shown = comparisons if len(comparisons) <= MOST_SHOWN else undecided[:MOST_SHOWN]
    found += [f"         {_in_words(comparison)}" for comparison in shown]
    if undecided and len(comparisons) > MOST_SHOWN < len(undecided):
        found.append(f"         and {len(undecided) - MOST_SHOWN} more that are undecided")
    return found


def _in_words(comparison: Comparison) -> str:
    words = {
        "equal": f"equal within {EQUAL_WITHIN:.0%}",
        "undecided": "undecided: give it a longer --budget",
    }
    is_cpu = comparison.figure is not THROUGHPUT
    if is_cpu:
        words |= {"faster": "less CPU", "slower": "more CPU"}
    said = words.get(comparison.decision, comparison.decision)
    ratio = ""
    if comparison.ratio:
        low, high = comparison.ratio
        ratio = f", {low:.3g} to {high:.3g} times the {'CPU' if is_cpu else 'throughput'}"
    base = comparison.base.backend
    if comparison.case.allocator != comparison.base.allocator:
        base = comparison.base.title
    return f"{comparison.case.title} against {base}: {said}{ratio} ({comparison.turns} turns)"
