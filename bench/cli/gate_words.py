"""The decision of a gate in words, for `bench compare --fail-on` and `bench gate`."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.analysis import rerun
from bench.analysis.compare.common_ratio import FEWEST_CASES
from bench.analysis.compare.gate import GatedCase, GateDecision
from bench.analysis.compare.process_sets import LEAST_SETS
from bench.analysis.typed_command import PLACE, kept, without
from bench.analysis.verdict import in_words
from bench.output.terminal.comparison import share_in_words

if TYPE_CHECKING:
    from bench.results.header import Header

_MOST_NAMED = 5
"""The most blind cases that are named."""


_SERVER = ("--database-url", "--admin-url")
_SETS_ROUNDS = 12
"""The rounds of a plan of few A/A pairs that has enough sets of worker processes."""
_SEEING_ROUNDS, _SEEING_S = 20, 0.2
"""The least rounds, and their least length, of a run that is to see more."""


@dataclass(frozen=True)
class Hints:
    """The commands that a gate prints, with the server and the options of the user's runs."""

    reference: "Header"
    typed: str
    """The command of the gate, without passwords. Where it names a server or a module, the printed
    commands do, too; otherwise they have what the reference had."""

    def measure(self, **options: object) -> str:
        """Return the command that measures the reference again, with these options instead."""
        return rerun.whole(self._placed, options)

    @property
    def see_more(self) -> str:
        """The command that measures the reference again with more and longer rounds."""
        rounds, seconds = self.reference.rounds or 0, self.reference.seconds or 0
        return self.measure(rounds=max(_SEEING_ROUNDS, 2 * rounds), seconds=max(_SEEING_S, seconds))

    @property
    def doctor(self) -> str:
        """The command that checks the machine and the server."""
        return shlex.join(["bench", "doctor", *kept(self._placed.command, _SERVER)])

    @property
    def with_same_code(self) -> str:
        """The gate with further runs of the reference's code."""
        return f"{self.typed} --same-code RUN --same-code RUN"

    @property
    def _placed(self) -> "Header":
        place = kept(self.typed, PLACE)
        if not place:
            return self.reference
        given = {word.partition("=")[0] for word in place if word.startswith("--")}
        words = [*without(self.reference.command, given), *place]
        return replace(self.reference, command=shlex.join(words))


def gate_lines(decision: GateDecision, hints: Hints) -> Iterator[str]:
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
            f" as the reference again, on several days, by {hints.measure()}, and name these runs:"
            f" {hints.with_same_code}"
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
            f" reference again, and compare with that: {hints.measure()}"
        )
    for gated in decision.failed:
        yield f"no verdict in {gated.run}: {gated.case.title}: {_reason(gated)}"
    yield from _blind(decision, margin, hints)


def percent(share: float) -> str:
    """Return a share as a user types it: `10%`, `0.1%`. A rounded one would be another gate."""
    return f"{100 * share:.10g}%"


def _blind(decision: GateDecision, margin: str, hints: Hints) -> Iterator[str]:
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
        f"More and longer rounds see more: {hints.see_more}. So do fewer cases, and a quieter"
        f" machine: {hints.doctor}"
    )
    if any(gated.change.same_code for gated in decision.blind):
        yield (
            "Runs of the same code differ by themselves, and that hides slowdowns, too. More of"
            " them tell it better: add --same-code RUN"
        )
    if any(gated.change.witness == "few pairs" for gated in decision.blind):
        yield (
            "Too few equal pairs tell how much processes differ by themselves, and a run has fewer"
            f" than {LEAST_SETS} sets of processes. Measure the reference again with"
            f" {_SETS_ROUNDS} rounds or more:"
            f" {hints.measure(rounds=_SETS_ROUNDS, label='reference')}"
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
