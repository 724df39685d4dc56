"""The option that puts the clients on the workers of a Dask cluster."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from bench.model.errors import UsageError

if TYPE_CHECKING:
    from bench.model.link import Link

scheduler_option: Callable[[Any], Any] = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Put the clients on the workers of a Dask cluster, as in tcp://host:8786; local:4 starts"
    " four workers on this machine (docs/many-machines.md).",
)


def checked(scheduler: str | None, links: "Iterable[Link]") -> str:
    """Return the scheduler, empty if none is given. Raises `UsageError` if it cannot be used."""
    if scheduler is None:
        return ""
    from bench.cluster.scheduler import check

    check(scheduler)
    if any(not link.is_direct for link in links):
        raise UsageError(
            "--latency and --scheduler exclude each other: the proxy is on this machine, and the"
            " clients are not.\nLeave one of them out."
        )
    return scheduler
