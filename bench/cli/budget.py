"""The option --budget of `bench run`: what it excludes, and the rounds that fit into it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.model.errors import UsageError

if TYPE_CHECKING:
    from bench.model.plan import Plan

_TURN_S = 0.01
"""The length of a turn with a budget. A lone client and its server process share a core or have
one each, and that changes often: longer turns mix both, and hide a small difference."""


def check_budget(rounds: int | None, rates: tuple[int, ...]) -> None:
    """Raise `UsageError` for options that contradict --budget."""
    if rates:
        raise UsageError(
            "--budget compares throughput, and --rate fixes it.\n"
            "Choose the length with --rounds, or find the highest rate: bench saturate."
        )
    if rounds is not None:
        raise UsageError(
            "--budget and --rounds exclude each other: a budget shares out the rounds itself.\n"
            "Leave one of them out."
        )


def within(planned: "Plan", budget_s: float, seconds: float | None) -> "Plan":
    """Return the plan with the rounds that fit the budget if no comparison ends early."""
    turn_s = seconds or min(planned.profile.seconds, _TURN_S)
    rounds = max(1, int(budget_s / turn_s / len(planned.cases)))
    return replace(planned, profile=replace(planned.profile, rounds=rounds, seconds=turn_s))
