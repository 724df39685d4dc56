"""The decision of a gate in words, for `bench compare --fail-on` and `bench gate`."""

from collections.abc import Iterator

from bench.analysis.compare.common_ratio import FEWEST_CASES
from bench.analysis.compare.gate import GatedCase, GateDecision
from bench.analysis.compare.process_sets import LEAST_SETS
from bench.analysis.verdict import in_words
from bench.output.terminal.comparison import share_in_words

_MOST_NAMED = 5
"""The most blind cases that are named."""


def gate_lines(decision: GateDecision) -> Iterator[str]:
    """Yield what stops, what is only suspected, and what could not have been seen."""
    margin = percent(decision.margin)
    for stop in decision.stopped:
        yield f"slower by more than {margin} in {stop.run}: {stop.case.title}: {stop.change}"
    if any(
        stop.run in decision.without_common and stop.change.same_code is None
        for stop in decision.stopped
    ):
        yield (
            f"Fewer than {FEWEST_CASES} cases have no common ratio: a machine that is slower than"
            " when the reference was measured looks the same. To rule it out, measure the same code"
            " as the reference again, on several days: bench gate --same-code RUN"
        )
    for together in decision.common_stopped:
        words = in_words(together.common.slowdown)
        yield f"slower by more than {margin} in {together.run}: all cases together take {words}"
    for gated in decision.suspects:
        if gated not in decision.stopped:
            what = f"{gated.case.title}: {_alone(gated)}"
            yield f"perhaps slower by more than {margin} in {gated.run}: {what}"
    for together in decision.common_suspects:
        if together not in decision.common_stopped:
            words = in_words(together.common.slowdown)
            yield f"perhaps slower by more than {margin} in {together.run}: all cases take {words}"
    for gated in decision.unclear:
        yield f"unclear in {gated.run}: {gated.case.title}: {_both(gated)}"
    if any(gated.change.same_code is None for gated in decision.unclear):
        yield (
            "The machine or other cases may have changed instead. To tell, measure the code of the"
            " reference again, and compare with that"
        )
    for gated in decision.failed:
        yield f"no verdict in {gated.run}: {gated.case.title}: {_reason(gated)}"
    yield from _blind(decision, margin)


def percent(share: float) -> str:
    """Return a share as a user types it: `10%`, `0.1%`. A rounded one would be another gate."""
    return f"{100 * share:.10g}%"


def _blind(decision: GateDecision, margin: str) -> Iterator[str]:
    for together in decision.common_blind:
        yield f"blind in {together.run}: all cases together could be slower by {margin}, unseen"
    if not decision.blind:
        return
    worst = sorted(decision.blind, key=_visible, reverse=True)
    named = "; ".join(
        f"{gated.case.title} ({share_in_words(gated.change.visible)})"
        for gated in worst[:_MOST_NAMED]
    )
    more = "; ..." if len(worst) > _MOST_NAMED else ""
    yield (
        f"blind: {len(worst)} of {decision.cases} cases could be slower by {margin}, unseen."
        f" The smallest slowdown that would be seen: {named}{more}"
    )
    yield (
        "More and longer rounds, fewer cases or a quieter machine see more:"
        " bench run --rounds 20 --seconds 0.2, bench doctor"
    )
    if any(gated.change.same_code for gated in decision.blind):
        yield (
            "Runs of the same code differ by themselves, and that hides slowdowns, too. More of"
            " them tell it better: --same-code RUN"
        )
    if any(gated.change.witness == "few pairs" for gated in decision.blind):
        yield (
            "Too few equal pairs tell how much processes differ by themselves, and a run has fewer"
            f" than {LEAST_SETS} sets of processes. Measure the reference again with 12 rounds or"
            " more: bench run --rounds 12 --label reference"
        )


def _alone(gated: GatedCase) -> str:
    change = gated.change
    return f"{change.alone}: {in_words(change.ratio)}" if change.ratio else str(change)


def _both(gated: GatedCase) -> str:
    change = gated.change
    if change.ratio is None or change.measured is None:
        return str(change)
    if found := change.same_code:
        return (
            f"{in_words(change.measured)}, but {found.runs} runs of the same code differ by"
            f" {found.spread:.0%} themselves (p = {found.evidence.p_slower():.2g})"
        )
    measured, rest = in_words(change.measured), in_words(change.ratio)
    return f"slower than the other cases: {rest}, but {measured} as measured"


def _visible(gated: GatedCase) -> float:
    return float("inf") if gated.change.visible is None else gated.change.visible


def _reason(gated: GatedCase) -> str:
    later = gated.change.later
    if later and later.marked:
        return "operations failed, which did not in the first run"
    if later and not later.held:
        return "its rate was not held"
    return "no round has enough operations, as in the first run"
