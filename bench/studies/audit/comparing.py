"""Claims about intervals, noise floors, comparisons of runs, and the gate: by simulation."""

from dataclasses import replace
from math import exp

from bench.analysis import stats
from bench.analysis.compare.process_sets import LEAST_SETS
from bench.analysis.noise_floor import EqualPair, NoiseFloor
from bench.studies.audit.claim import Claim, Outcome
from bench.studies.audit.deciding import (
    MANY,
    bootstrap_coverage,
    floor_false_alarms,
    gate_rates,
    interval_coverage,
    old_floor,
    old_gate_stops,
)
from bench.studies.audit.made_runs import SHAPES, Truth

GATES = 150
"""The simulated gates of each condition."""
MANY_GATES = 400
"""The same, where the share must be known more exactly."""
QUICK = Truth()
"""The quick profile on a machine whose rounds vary by 3 %."""
ONE_CASE = Truth(cases=1, rounds=12, sets=6, luck=0.03, common_noise=0.0, day=0.0)
"""One backend at one concurrency, with one A/A pair in a run. Processes differ as rounds do."""
DAYS = replace(ONE_CASE, day=0.05, one_day=True, same_code=5)
"""The same, where the machine of one day and of another differ, and five further runs show it."""
MARGIN = 0.1
MOST_FALSE = 0.05


def _interval() -> Outcome:
    counts = (6, 7, 15)
    held = {(n, shape): interval_coverage(n, shape) for n in counts for shape in SHAPES}
    off = max(abs(share - stats.coverage(n)) for (n, _), share in held.items())
    return Outcome(
        truth=", ".join(f"{stats.coverage(n):.1%} of {n} rounds" for n in counts),
        measured=", ".join(f"{min(held[n, shape] for shape in SHAPES):.1%}" for n in counts),
        before=", ".join(f"{bootstrap_coverage(n):.1%}" for n in counts),
        holds=off <= 0.01,
    )


def _floor() -> Outcome:
    worst = max(floor_false_alarms(6, luck, shape) for luck in (0, 1, 2) for shape in SHAPES)
    return Outcome(
        truth="at most 5 % (sampling error: 3 points)",
        measured=f"{worst:.1%} in the worst of nine conditions",
        holds=worst <= MOST_FALSE + 0.033,
    )


def _bad_round() -> Outcome:
    calm = (0.01, -0.01, 0.02, -0.02, 0.0)
    bad = EqualPair(MANY, (*calm, 3.2))
    floor = NoiseFloor((EqualPair(MANY, (*calm, 0.01)), bad)).factor
    before = old_floor([1.0] * 6, [exp(log) for log in bad.logs])
    return Outcome("below 1.1x", f"{floor:.2f}x", floor < 1.1, before=f"{before:.1f}x")


def _identical(shape_index: int) -> Outcome:
    truth = replace(QUICK, shape=SHAPES[shape_index], noise=0.05, luck=0.02, day=0.02)
    rates = gate_rates(truth, MARGIN / 2, GATES, again=True)
    return Outcome(
        truth="at most 5 % stop",
        measured=f"{rates.stopped_wrongly:.1%} of {GATES}",
        before=f"{old_gate_stops(truth, MARGIN / 2, GATES):.0%}",
        holds=rates.stopped_wrongly <= MOST_FALSE,
    )


def _identical_normal() -> Outcome:
    return _identical(0)


def _identical_heavy() -> Outcome:
    return _identical(1)


def _identical_outliers() -> Outcome:
    return _identical(2)


def _named() -> Outcome:
    rates = gate_rates(QUICK, MARGIN, GATES)
    return Outcome(
        truth="at most 5 % of the tables (sampling error: 4 points)",
        measured=f"{rates.named:.1%} of {GATES}",
        holds=rates.named <= MOST_FALSE + 0.04,
    )


def _one_slower() -> Outcome:
    rates = gate_rates(replace(QUICK, slower=1, slowdown=0.25), MARGIN, GATES // 2, again=True)
    return Outcome(
        truth="at least 80 % stop",
        measured=f"{rates.stopped:.0%} of {GATES // 2}",
        holds=rates.stopped >= 0.8,
    )


def _uniform() -> Outcome:
    rates = gate_rates(replace(QUICK, uniform=0.2, day=0.0), MARGIN, GATES // 2, again=True)
    return Outcome(
        truth="at least 80 % stop",
        measured=f"{rates.stopped_together:.0%} of {GATES // 2}",
        holds=rates.stopped_together >= 0.8,
    )


def _blind() -> Outcome:
    rates = gate_rates(replace(QUICK, noise=0.2), MARGIN, GATES // 5)
    green = abs(1 - rates.blind - rates.stopped_wrongly)
    return Outcome(
        truth="none is green",
        measured=f"{green:.0%} green; visible: {rates.visible:.0%}",
        before=f"{1 - old_gate_stops(replace(QUICK, noise=0.2), MARGIN, GATES // 5):.0%} green",
        holds=green < 0.001,
    )


def _visible() -> Outcome:
    seen = gate_rates(QUICK, MARGIN, GATES // 5).visible
    rates = gate_rates(replace(QUICK, slower=1, slowdown=seen), 0.0, GATES, seed=2)
    return Outcome(
        truth="80 % (sampling error: 10 points)",
        measured=f"{rates.suspected:.0%} of {GATES} see a slowdown of {seen:.1%}",
        holds=abs(rates.suspected - 0.8) <= 0.1,
    )


def _one_case_same_code() -> Outcome:
    worst = max(
        gate_rates(
            replace(ONE_CASE, luck=luck, shape=shape), 0.0, GATES, again=True
        ).stopped_wrongly
        for luck in (0.0, 0.03)
        for shape in SHAPES
    )
    return Outcome(
        truth="at most 5 % stop (sampling error: 4 points)",
        measured=f"{worst:.1%} in the worst of six conditions",
        holds=worst <= MOST_FALSE + 0.04,
    )


def _one_case() -> Outcome:
    slower = replace(ONE_CASE, slower=1, slowdown=0.2)
    without = replace(slower, sets=LEAST_SETS - 1)
    shares = [
        (
            gate_rates(replace(runs, slower=0), MARGIN, GATES, again=True).blind,
            gate_rates(runs, MARGIN, GATES, again=True).stopped,
        )
        for runs in (slower, without)
    ]
    (blind, stopped), (blind_before, stopped_before) = shares
    return Outcome(
        truth="at least 80 % stop, at most 20 % are blind",
        measured=f"{stopped:.0%} stop; of the same code {blind:.0%} blind",
        before=f"{stopped_before:.0%} stop; {blind_before:.0%} blind",
        holds=stopped >= 0.8 and blind <= 0.2,
    )


def _days_same_code() -> Outcome:
    worst, before = (
        max(
            gate_rates(
                replace(DAYS, day=day, same_code=runs), 0.0, MANY_GATES, again=True
            ).stopped_wrongly
            for day in (0.05, 0.1)
        )
        for runs in (DAYS.same_code, 0)
    )
    return Outcome(
        truth="at most 5 % stop (sampling error: 2 points)",
        measured=f"{worst:.1%} in the worse of two conditions",
        before=f"{before:.0%}",
        holds=worst <= MOST_FALSE + 0.02,
    )


def _days_slower() -> Outcome:
    slower = replace(DAYS, slower=1, slowdown=0.25)
    stopped, before = (
        gate_rates(replace(slower, same_code=runs), MARGIN, GATES, again=True).stopped
        for runs in (DAYS.same_code, 0)
    )
    return Outcome(
        truth="at least 80 % stop",
        measured=f"{stopped:.0%} of {GATES}",
        before=f"{before:.0%}",
        holds=stopped >= 0.8,
    )


_RUNS = f"simulation: {QUICK.cases} cases of {QUICK.rounds} rounds"
_LUCKY = f"{_RUNS} that vary by 5 %, processes by 2 %, days by 2 %; margin 5 %; share of stops"

_ONE_CASE = (
    f"simulation: one case of {ONE_CASE.rounds} rounds in {ONE_CASE.sets} sets of processes; rounds"
    " vary by 3 %, processes by 3 %"
)

CLAIMS = (
    Claim(
        "interval",
        "The interval of a median holds the true one as often as it says, whatever the shape.",
        "simulation: normal rounds, heavy tails, outliers; the least share that holds it",
        simulate=_interval,
    ),
    Claim(
        "noise-floor",
        "Two equal cases of a run are called different in at most one of twenty comparisons.",
        "simulation: four A/A pairs of 6 rounds; luck of 0 to 2 standard errors; three shapes",
        simulate=_floor,
    ),
    Claim(
        "noise-floor-bad-round",
        "One bad round does not make the noise floor.",
        "two A/A pairs that vary by 2 %, one with a round that is 24.5 times as slow",
        simulate=_bad_round,
    ),
    Claim(
        "gate-same-code",
        "A gate over the same code stops at most once in twenty times, over all cases together.",
        f"{_LUCKY}; normal noise",
        simulate=_identical_normal,
    ),
    Claim(
        "gate-same-code-heavy-tails",
        "The same with heavy tails.",
        f"{_LUCKY}; Student's t with 3 degrees of freedom",
        simulate=_identical_heavy,
    ),
    Claim(
        "gate-same-code-outliers",
        "The same with outliers.",
        f"{_LUCKY}; one round of ten is eight times as far off",
        simulate=_identical_outliers,
    ),
    Claim(
        "table-same-code",
        "A comparison of the same code names no case in 95 of 100 tables.",
        f"{_RUNS} that vary by 3 %",
        simulate=_named,
    ),
    Claim(
        "gate-one-slower",
        "The gate of 10 % finds one case of 84 that is 25 % slower.",
        f"{_RUNS} that vary by 3 %, processes by 1 %, days by 5 %; measured again",
        simulate=_one_slower,
    ),
    Claim(
        "gate-uniform",
        "The gate of 10 % finds that all cases are 20 % slower.",
        f"{_RUNS} that vary by 3 %, and rounds of all cases by 3 %",
        simulate=_uniform,
    ),
    Claim(
        "gate-blind",
        "A gate that cannot see its margin is not green.",
        f"{_RUNS} that vary by 20 %; margin 10 %",
        simulate=_blind,
    ),
    Claim(
        "gate-one-case-same-code",
        "A gate over the same code of one case stops at most once in twenty times.",
        f"{_ONE_CASE}, or not at all; three shapes; margin 0 %; measured again",
        simulate=_one_case_same_code,
    ),
    Claim(
        "gate-one-case",
        "A gate of 10 % on one backend and one concurrency finds 20 %, and is not blind.",
        f"{_ONE_CASE}; measured again; before: two sets, judged by the A/A pairs",
        simulate=_one_case,
    ),
    Claim(
        "gate-days-same-code",
        "The same where days differ, if the gate has further runs of the reference's code.",
        f"{_ONE_CASE}, days by 5 or 10 %; five further runs of other days; margin 0 %; measured"
        " again on the same day; before: no further run",
        simulate=_days_same_code,
    ),
    Claim(
        "gate-days-slower",
        "Such a gate of 10 % still finds that the case is 25 % slower.",
        f"{_ONE_CASE}, days by 5 %; five further runs of other days; measured again on the same"
        " day; before: no further run",
        simulate=_days_slower,
    ),
    Claim(
        "visible-slowdown",
        "A slowdown of the size that is called visible is seen in four of five comparisons.",
        f"{_RUNS} that vary by 3 %; one case is slower by the median visible slowdown",
        simulate=_visible,
    ),
)
