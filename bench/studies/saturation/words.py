"""The sentences of a search: the same in the terminal and in the report."""

from collections.abc import Sequence

from bench.model.case import Case
from bench.model.units import TIMES, with_unit
from bench.studies.saturation.answers import Answer
from bench.studies.saturation.search import CONFIRMING, STEP


def rule(found: Sequence[Answer]) -> str:
    """Return how the answers were found, in a few sentences."""
    objective = with_unit(found[0].objective_ns, TIMES)
    return (
        f"A window passes if its rate is held and its p99 of the response is at most {objective}."
        f" The answer passed in at least {CONFIRMING} windows, one after another; a rate at which"
        " half of the windows miss does so with a probability below 5 %, over all candidates."
        f" Neighbouring candidates differ by {STEP - 1:.0%}."
    ).replace("5%", "5 %")


def in_processes(case: Case) -> str:
    """Return ` in 2 processes`; empty for one process."""
    return f" in {case.processes} processes" if case.processes > 1 else ""


def sentence(answer: Answer) -> str:
    """Return the answer of one backend in words."""
    objective = with_unit(answer.objective_ns, TIMES)
    name = f"`{answer.backend}`"
    if answer.rate is None:
        return f"{name} held no rate that was tried with a p99 below {objective}."
    where = in_processes(answer.closed)
    words = f"{name} holds {answer.rate:,} operations/s{where} with a p99 below {objective}"
    if answer.closed_per_s:
        words += f", {answer.rate / answer.closed_per_s * 100:.0f} % of its closed loop"
    if answer.confidence is None:
        return f"{words}; the search ended before this was confirmed."
    sure = f"{answer.confidence * 100:.0f} % sure"
    missed = f"; at {answer.missed:,}/s a window missed" if answer.missed else ""
    return f"{words} ({sure}{missed})."
