"""The options that make operations arrive at a rate."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.model.errors import UsageError
from bench.model.rate import MOST_PER_S, ArrivalPattern, parse, too_high

if TYPE_CHECKING:
    from bench.model.profiles import Factors

Command = TypeVar("Command", bound=Callable[..., Any])

_RATE = click.option(
    "--rate",
    metavar="N,N",
    help="Operations that arrive in a second, as in 500,1000,2000, whether or not earlier ones are"
    " done. Up to --concurrency connections serve them (docs/arrival-rate.md).",
)
_ARRIVALS = click.option(
    "--arrivals",
    type=click.Choice(["poisson", "uniform"]),
    help="Random times between two arrivals, as of many users, or equal ones. Default: poisson.",
)


def rate_options(command: Command) -> Command:
    """Add --rate and --arrivals, and pass them on as `rates` and `arrivals`."""

    @wraps(command)
    def with_rates(
        *arguments: Any, rate: str | None, arrivals: ArrivalPattern | None, **options: Any
    ) -> Any:
        found = rates(rate)
        if arrivals and not found:
            raise UsageError("--arrivals needs a rate.\nGive one: --rate 1000.")
        return command(*arguments, rates=found, arrivals=arrivals or "poisson", **options)

    decorated: Any = _RATE(_ARRIVALS(with_rates))
    return decorated  # type: ignore[no-any-return]


def rates(text: str | None) -> tuple[int, ...]:
    """Return the rates of the option's text, each once; empty without the option.

    Raises `UsageError` for another form.
    """
    if text is None:
        return ()
    return tuple(dict.fromkeys(parse(part) for part in text.split(",")))


def check_with_rate(factors: "Factors") -> None:
    """Raise `UsageError` for a factor of which no value can be measured at a rate, and for a rate
    that no number of processes can begin."""
    if not factors.rates:
        return
    processes = max(factors.processes, default=1)
    highest = max(rate for rate in factors.rates if rate is not None)
    if highest > MOST_PER_S * processes:
        raise too_high(highest, processes)
    what = why = ""
    if factors.fetches and all(fetch.mode != "buffered" for fetch in factors.fetches):
        what = f"--fetch {factors.fetches[0]}"
        why = "its first row would be timed from the call, not from the arrival"
    elif factors.loops == ("uvloop",):
        what, why = "--loop uvloop", "its timers are whole milliseconds"
    if what:
        raise UsageError(f"{what} does not fit --rate: {why}.\nLeave one of them out.")
