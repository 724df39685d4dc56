"""A claim about the state of glibc's allocator: first rounds of a process cost as later ones."""

from dataclasses import replace
from statistics import median

from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.studies.audit.claim import Claim, Laboratory, Outcome

CASE = Case("asyncpg", POINT_READ, concurrency=4)
SECONDS = 0.3
ROUNDS = 8
PROCESSES = 3
WITHIN = 1.25
"""The ratio that two parts of a process's life may have on a machine with other programs. The state
of the allocator made it 1.8."""


def first_and_later(laboratory: Laboratory, case: Case) -> tuple[float, float]:
    """Return the client's CPU time of an operation in ns: in a process's first round, and later.

    The medians of several new processes.
    """
    first, later = [], []
    for _ in range(PROCESSES):
        laboratory.worker_pool.dismiss(case.process)
        costs = []
        for number in range(ROUNDS):
            run = laboratory.run(case, SECONDS, number=number)
            costs.append(run.client_cpu_ns / max(1, len(run.samples)))
        first.append(costs[0])
        later.append(median(costs[1:]))
    laboratory.worker_pool.dismiss(case.process)
    return median(first), median(later)


def _first_rounds(laboratory: Laboratory) -> Outcome:
    first, later = first_and_later(laboratory, CASE)
    plain, _ = first_and_later(laboratory, replace(CASE, allocator="fresh"))
    return Outcome(
        truth="1",
        measured=f"{first / later:.2f} ({first / 1e3:.0f} us first, {later / 1e3:.0f} us later)",
        before=f"{plain / later:.2f}, as a fresh program starts",
        holds=1 / WITHIN <= first / later <= WITHIN,
    )


CLAIMS = (
    Claim(
        "allocator-first-round",
        "A worker process's first round costs as much CPU time for an operation as its later ones.",
        f"{CASE.title}: {ROUNDS} rounds of {SECONDS:g} s in each of {PROCESSES} new processes;"
        f" within {WITHIN:g}",
        measure=_first_rounds,
    ),
)
