"""Claims about names: the slowdown of `bench calibrate`, and what two commands say of two runs."""

import numpy as np

from bench.analysis.compare.cases import compare_cases
from bench.analysis.findings.between import between
from bench.analysis.summary import Summary
from bench.studies.audit.claim import Claim, Outcome
from bench.studies.audit.made_runs import Truth, made_run
from bench.studies.calibration.calibrate import Generation, realised_slowdown

REALISED = {0.05: 0.09, 0.10: 0.17, 0.20: 0.30}
"""The slowdowns that busy waits of so large a share once made."""
PAIRS = 100


def _realised() -> Outcome:
    random = np.random.default_rng(7)
    equals = tuple(_alone(random, 0.0) for _ in range(4))
    made = Generation(equals, {share: _alone(random, slower) for share, slower in REALISED.items()})
    named = {share: realised_slowdown([made], share) for share in REALISED}
    return Outcome(
        truth=", ".join(f"{slower:.0%}" for slower in REALISED.values()),
        measured=", ".join(f"{slower:.1%}" for slower in named.values()),
        before=", ".join(f"{share:.0%}" for share in REALISED),
        holds=all(abs(named[share] - slower) < 0.01 for share, slower in REALISED.items()),
    )


def _alone(random: np.random.Generator, slower: float) -> Summary:
    truth = Truth(cases=1, rounds=30, noise=0.01, luck=0, common_noise=0, day=0, uniform=slower)
    return made_run(truth, random, later=True).summaries[0]


def _agree() -> Outcome:
    random = np.random.default_rng(11)
    apart = named = 0
    for number in range(PAIRS):
        truth = Truth(cases=20, slower=number % 2, slowdown=0.3)
        compared = compare_cases(made_run(truth, random), made_run(truth, random, later=True))
        words = [change.word for change in compared.changes.values()]
        in_table = words.count("faster") + words.count("slower")
        in_report = sum(len(found.cases) == 1 for found in between(compared, "a", "b"))
        apart += in_table != in_report
        named += in_table > 0
    return Outcome(
        truth="they name the same cases",
        measured=f"differ in {apart} of {PAIRS} pairs, of which {named} have a case to name",
        before="of identical pairs the report named a case in 61%, compare in 4%",
        holds=apart == 0 and named >= PAIRS // 4,
    )


CLAIMS = (
    Claim(
        "calibrate-names",
        "`bench calibrate` names a slowdown by what the wait really caused.",
        "simulation: waits of 5, 10 and 20 % that make operations slower by another share",
        simulate=_realised,
    ),
    Claim(
        "report-and-compare",
        "`bench report A B` and `bench compare A B` name the same cases.",
        f"simulation: {PAIRS} pairs of runs of 20 cases; in half of them one is 30 % slower",
        simulate=_agree,
    ),
)
