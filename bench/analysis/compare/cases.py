"""The comparison of one run with another, case by case. `bench compare`, `bench report` and
`bench gate` all use it, so that they agree.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Literal

import numpy as np

from bench.analysis.compare.common_ratio import CommonRatio, Series, apart, divide_out, visible
from bench.analysis.compare.family import Evidence, Logs, evidence_of, holm
from bench.analysis.compare.process_sets import FEW_PAIRS, centres, evidence_of_sets, factor_of
from bench.analysis.compare.same_code import SameCode, against_same_code
from bench.analysis.figure import THROUGHPUT, Figure
from bench.analysis.noise_floor import NoiseFloor, kind_of, noise_floor
from bench.analysis.ratios import ratio_of_runs
from bench.analysis.stats import CONFIDENCE, ENOUGH_ROUNDS, Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import Verdict, Word, in_words, word_of
from bench.model.case import Case


@dataclass(frozen=True)
class MeasuredRun:
    """A run to compare: its cases, and the effect of other programs on it."""

    summaries: Sequence[Summary]
    crowding: float = 1.0
    """The factor by which other programs can have slowed the run: 2 for half of the CPU."""
    judged: frozenset[Case] | None = None
    """The identities of the cases to judge; None for all. Others are there for the noise floor."""

    def judges(self, case: Case) -> bool:
        """Return whether the case is to be judged where this run is the base."""
        return not case.twin and (self.judged is None or identity(case) in self.judged)


Witness = Literal["pairs", "few pairs", "sets"]
"""The source of how much processes differ: A/A pairs, fewer of them than tell it, or the sets of
worker processes of both runs."""


@dataclass(frozen=True)
class Change(Verdict):
    """The verdict on a case in another run. It holds among all cases of the comparison.

    `ratio` has the common ratio of the runs divided out, if there is one.
    """

    measured: Interval | None = None
    """The ratio as it was measured."""
    alone: Word = "undecided"
    """The verdict on the case as if it were the only one. Of a hundred, some are wrong."""
    evidence: Evidence | None = None
    visible: float | None = None
    """The smallest slowdown that this comparison would have seen, as a share: 0.1 is 10 %. None
    if it could see none."""
    earlier: Summary | None = None
    later: Summary | None = None
    more_is_better: bool = True
    """Whether a ratio above 1 is faster."""
    witness: Witness = "pairs"
    rate_lost: bool = False
    """Whether the earlier run held the case's arrival rate, and the later one surely does not. Then
    there is no ratio, since a rate that is not held has no latency."""
    same_code: SameCode | None = None
    """The change against several runs of the base's code, in a comparison of few cases."""
    figure_lost: bool = False
    """Whether only the earlier run has the figure, although the later one measured the case or
    tried to: its operations failed, or were too few for the quantile."""

    @property
    def newly_failed(self) -> bool:
        """Whether the later run has no figure, or failures that the earlier one has not."""
        before, after = self.earlier, self.later
        return self.figure_lost or bool(before and after and after.marked and not before.marked)

    @property
    def is_judged(self) -> bool:
        """Whether there is anything to say: a ratio, or a rate that was lost."""
        return self.ratio is not None or self.rate_lost

    def __str__(self) -> str:
        if not self.rate_lost:
            return super().__str__()
        rounds = [s.open for s in (self.earlier, self.later) if s and s.open]
        before, after = (f"{found.held} of {found.rounds} rounds" for found in rounds)
        return f"no longer holds its rate: held in {after}, before in {before}"


@dataclass(frozen=True)
class RunsCompared:
    """The comparison of a run with the base."""

    changes: Mapping[Case, Change]
    """By the case of the base, in the order of the base."""
    common: CommonRatio | None
    """None if there are too few cases to have one."""
    common_word: Word
    floor: NoiseFloor | None
    """The noise floor from the A/A pairs of both runs."""
    crowding: float
    common_visible: float | None
    """The smallest slowdown of all cases together that would have been seen, as a share."""

    @property
    def common_in_words(self) -> str:
        """`0.97x (0.95 to 0.99) as fast, slower`: all cases together; empty without `common`."""
        if self.common is None:
            return ""
        slowdown = self.common.slowdown
        low = None if slowdown.high is None else 1 / slowdown.high
        high = None if slowdown.low is None else 1 / slowdown.low
        speed = Interval(1 / slowdown.median, low, high, slowdown.rounds)
        return f"{in_words(speed)} as fast, {self.common_word}"


@dataclass(frozen=True)
class Again:
    """A second measurement of some cases of the other run."""

    run: MeasuredRun
    cases: frozenset[Case]
    """The cases of the base that are in question. The others are controls: they decide the common
    ratio."""


def compare_cases(
    base: MeasuredRun,
    other: MeasuredRun,
    figure: Figure = THROUGHPUT,
    again: Again | None = None,
    same_code: Sequence[MeasuredRun] = (),
) -> RunsCompared:
    """Return the comparison of every case that both runs measured.

    With `again`, the rounds of the second measurement are pooled with those of `other` for the
    cases in question, after its own common ratio is divided out. `same_code`: further runs of the
    base's code; without a common ratio, they tell how much runs differ by themselves.
    """
    pairs = _pairs(base, other)
    known = list(pairs)
    earlier, later = ({case: pair[side] for case, pair in pairs.items()} for side in (0, 1))
    below, above = ([_series(side[case], figure) for case in known] for side in (earlier, later))
    divided = divide_out(below, above)
    runs = [base, other, *([again.run] if again else [])]
    floors = [noise_floor(run.summaries, figure) for run in runs]
    floor = NoiseFloor.pooled(floors)
    # A second measurement must not change the test: only the first two runs decide which it is.
    first_floor = NoiseFloor.pooled(floors[:2])
    crowding = max(run.crowding for run in runs)
    repeated = _repeated(base, known, below, again, figure)
    alike = [{c: pair[1] for c, pair in _pairs(base, run).items()} for run in same_code]
    changes = []
    for place, case in enumerate(known):
        if _rate_lost(earlier[case], later[case], len(known)):
            changes.append(_lost(earlier[case], later[case]))
            continue
        if below[place] and not above[place]:
            before, after = earlier[case], later[case]
            changes.append(
                Change("undecided", None, None, earlier=before, later=after, figure_lost=True)
            )
            continue
        logs = [_values(side[place]) for side in (divided.base, divided.other)]
        measured = [_values(side[place]) for side in (below, above)]
        of_sets = [
            centres(side[place], summaries[case])
            for side, summaries in ((divided.base, earlier), (divided.other, later))
        ]
        processes = 1
        if case in repeated:
            rounds, middles = repeated[case]
            logs[1] = np.concatenate([logs[1], rounds])
            of_sets[1] = np.concatenate([of_sets[1], middles])
            processes = 2
        noise = _Noise(
            floor,
            1.0 if divided.common else crowding,
            processes,
            (of_sets[0], of_sets[1]),
            few_pairs=_few_pairs(first_floor, earlier[case].case),
        )
        ratio = _ratio(measured[0], measured[1], figure)
        change = _change(earlier[case], later[case], (logs[0], logs[1]), ratio, noise, figure)
        if divided.common is None:
            further = [_values(_series(of[case], figure)) for of in alike if case in of]
            change = _beside(change, against_same_code([logs[0], *further], logs[1]))
        changes.append(change)
    common = divided.common
    return RunsCompared(
        dict(zip(known, _as_family(changes), strict=True)),
        common,
        _common_word(common, crowding),
        floor,
        crowding,
        visible(common, crowding) if common else None,
    )


def identity(case: Case) -> Case:
    """Return what two runs have in common of a case: all but the event loop."""
    return replace(case, loop="none")


@dataclass(frozen=True)
class _Noise:
    """The things that can make a case look different although it is not."""

    floor: NoiseFloor | None
    crowding: float
    processes: int
    centres: tuple[Logs, Logs]
    """The centres of the sets of processes of both runs."""
    few_pairs: bool

    def of(self, case: Case, sets: Evidence | None) -> float:
        """Return the factor within which a difference is noise. `sets`: their evidence, if used."""
        if sets:
            return max(factor_of(sets), self.crowding)
        return max(self.floor.for_case(case) if self.floor else 1.0, self.crowding)


def _few_pairs(floor: NoiseFloor | None, case: Case) -> bool:
    return floor is None or len(floor.of_kind(kind_of(case)).pairs) < FEW_PAIRS


def _change(
    earlier: Summary,
    later: Summary,
    logs: tuple[Logs, Logs],
    measured: Interval | None,
    noise: _Noise,
    figure: Figure,
) -> Change:
    """Return the change of a case, with the verdict on it alone."""
    case = earlier.case
    ratio = _ratio(*logs, figure)
    sets = evidence_of_sets(*noise.centres) if noise.few_pairs else None
    factor = noise.of(case, sets)
    alone = word_of(ratio, figure, factor)
    if earlier.marked or later.marked:
        alone = "undecided"
    of_kind = noise.floor.of_kind(kind_of(case)) if noise.floor else None
    evidence = sets or evidence_of(*logs, of_kind, noise.processes)
    seen = None
    if alone != "undecided" and evidence and ratio and ratio.low and ratio.high:
        better = ratio.high / ratio.median if figure.more_is_better else ratio.median / ratio.low
        seen = evidence.visible(float(np.log(better)), factor)
    known = factor if noise.floor or sets or noise.crowding > 1 else None
    return Change(
        alone,
        ratio,
        known,
        measured,
        alone,
        evidence,
        seen,
        earlier,
        later,
        figure.more_is_better,
        "sets" if sets else "few pairs" if noise.few_pairs else "pairs",
    )


def _beside(change: Change, same_code: SameCode | None) -> Change:
    """Return the change with what runs of the same code say: their spread hides slowdowns, too."""
    if same_code is None:
        return change
    seen = None if change.visible is None else max(change.visible, same_code.visible)
    return replace(change, same_code=same_code, visible=seen)


def _rate_lost(earlier: Summary, later: Summary, cases: int) -> bool:
    """Return whether fewer rounds hold the rate than before, surely among so many cases.

    By Fisher's exact test of the numbers of rounds, with Bonferroni's correction (Agresti,
    *Categorical Data Analysis*, 3rd edition, 2013, section 3.5).
    """
    before, after = earlier.open, later.open
    if before is None or after is None or not before.is_held or after.is_held:
        return False
    rounds, held = before.rounds + after.rounds, before.held + after.held
    so_few = sum(
        comb(after.rounds, few) * comb(before.rounds, held - few)
        for few in range(after.held + 1)
        if held - few <= before.rounds
    )
    return so_few / comb(rounds, held) <= (1 - CONFIDENCE) / cases


def _lost(earlier: Summary, later: Summary) -> Change:
    return Change(
        "slower", None, None, alone="slower", earlier=earlier, later=later, rate_lost=True
    )


def _as_family(changes: Sequence[Change]) -> list[Change]:
    """Return the changes with the verdicts that hold for all of them together."""
    adjusted = holm([change.evidence.p_different if change.evidence else 1.0 for change in changes])
    return [
        replace(change, word="indistinguishable")
        if change.word in ("faster", "slower") and p_value > 1 - CONFIDENCE and change.ratio
        else change
        for change, p_value in zip(changes, adjusted, strict=True)
    ]


def _common_word(common: CommonRatio | None, crowding: float) -> Word:
    if common is None or common.slowdown.rounds < ENOUGH_ROUNDS:
        return "undecided"
    if not apart(common, crowding):
        return "indistinguishable"
    return "slower" if common.slowdown.median > 1 else "faster"


def _repeated(
    base: MeasuredRun,
    known: Sequence[Case],
    below: Sequence[Series],
    again: Again | None,
    figure: Figure,
) -> dict[Case, tuple[Logs, Logs]]:
    """Return the rounds and the centres of the second measurement, by case.

    Its common ratio is divided out.
    """
    if again is None:
        return {}
    second = {case: pair[1] for case, pair in _pairs(base, again.run).items()}
    series = [_series(second[case], figure) if case in second else {} for case in known]
    in_question = [place for place, case in enumerate(known) if case in again.cases]
    divided = divide_out(below, series, leave_out=in_question)
    return {
        known[place]: (_values(side), centres(side, second[known[place]]))
        for place in in_question
        if (side := divided.other[place])
    }


def _pairs(base: MeasuredRun, other: MeasuredRun) -> dict[Case, tuple[Summary, Summary]]:
    """Return the summaries of both runs by the case of the base, of the cases to judge.

    A case has the same event loop in both. Where the base measured it on one loop only, another
    loop in the other run is no difference: `compare_summed_up` says so.
    """
    measured = [s for s in base.summaries if s.rounds and base.judges(s.case)]
    tried = [s for s in other.summaries if (s.rounds or s.failures) and not s.case.twin]
    loops = Counter(identity(s.case) for s in measured)
    same = {s.case: s for s in tried}
    alike = {identity(s.case): s for s in tried}
    pairs = {}
    for summary in measured:
        case = identity(summary.case)
        found = same.get(summary.case) or (alike.get(case) if loops[case] == 1 else None)
        if found:
            pairs[summary.case] = (summary, found)
    return pairs


def _series(summary: Summary, figure: Figure) -> Series:
    sign = -1.0 if figure.more_is_better else 1.0
    values = summary.by_round(figure)
    return {n: sign * float(np.log(value)) for n, value in values.items() if value > 0}


def _values(series: Series) -> Logs:
    return np.array(list(series.values()), dtype=np.float64)


def _ratio(below: Logs, above: Logs, figure: Figure) -> Interval | None:
    sign = -1.0 if figure.more_is_better else 1.0
    return ratio_of_runs(np.exp(sign * above).tolist(), np.exp(sign * below).tolist())
