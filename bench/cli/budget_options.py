"""The options `--budget` and `--pin`: a length for the whole run, and processors for each side."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from bench.cli.options import Duration
from bench.model.errors import UsageError

if TYPE_CHECKING:
    from bench.model.plan import Plan
    from bench.model.run_config import Pin

TURN_S = 0.01
"""The length of a turn with a budget. Short turns alternate often: what hits the machine hits all
cases alike."""

budget_option = click.option(
    "--budget",
    "budget_s",
    type=Duration(1, 86_400),
    metavar="TIME",
    help="Time for all runs together, as 60s or 5m, in place of --rounds: it is spent on the"
    " comparisons that are undecided, and a decided one ends. With --workload, the profile's first"
    " block of cases alone (docs/method.md).",
)
_PIN = (
    "Keep the clients on one half of the processors and the server on the other, or let the kernel"
    " place them. Default: the kernel does"
)
pin_option = click.option("--pin/--no-pin", "pin", default=None, help=f"{_PIN}.")
pin_or_budget_option = click.option(
    "--pin/--no-pin", "pin", default=None, help=f"{_PIN}, unless there is a --budget."
)


def pin_of(asked: bool | None, budget_s: float | None = None) -> "Pin":
    """Return whether to pin, from the options --pin and --budget."""
    if asked is None:
        return "no" if budget_s is None else "if possible"
    return "yes" if asked else "no"


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
    turn_s = seconds or min(planned.profile.seconds, TURN_S)
    rounds = max(1, int(budget_s / turn_s / len(planned.cases)))
    return replace(planned, profile=replace(planned.profile, rounds=rounds, seconds=turn_s))
