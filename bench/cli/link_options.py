"""The options that put a network between client and server."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.model.link import Link

if TYPE_CHECKING:
    from bench.model.case import Transport

Command = TypeVar("Command", bound=Callable[..., Any])

_LATENCY = click.option(
    "--latency",
    metavar="TIME,TIME",
    help="Round trip to the server, as in 0,0.5ms,2ms. A proxy on this machine delays each message;"
    " 0 is without it.",
)
_JITTER = click.option(
    "--jitter",
    metavar="TIME",
    help="Largest deviation from each --latency above 0, drawn for each message.",
)
_BANDWIDTH = click.option(
    "--bandwidth",
    metavar="RATE",
    help="Bandwidth of the network each way, as in 100Mbit or 10MB, shared by all connections.",
)


def link_options(command: Command) -> Command:
    """Add --latency, --jitter and --bandwidth, and pass them on as the argument `links`."""

    @wraps(command)
    def with_links(
        *arguments: Any,
        latency: str | None,
        jitter: str | None,
        bandwidth: str | None,
        **options: Any,
    ) -> Any:
        return command(*arguments, links=links(latency, jitter, bandwidth), **options)

    decorated: Any = _LATENCY(_JITTER(_BANDWIDTH(with_links)))
    return decorated  # type: ignore[no-any-return]


def links(latency: str | None, jitter: str | None, bandwidth: str | None) -> tuple[Link, ...]:
    """Return a link for each latency; empty where no option is given.

    Jitter and bandwidth belong to every link with a latency, or to the only one. Raises
    `UsageError` for another form of any of the texts.
    """
    if latency is None and jitter is None and bandwidth is None:
        return ()
    texts = [text.strip() for text in (latency or "0").split(",")]
    found = []
    for text in texts:
        is_plain = len(texts) > 1 and Link.parse(text).is_direct
        link = Link() if is_plain else Link.parse(text, jitter or "0", bandwidth or "")
        found.append(link)
    return tuple(dict.fromkeys(found))


def transports(
    context: click.Context, option: click.Parameter, text: str | None
) -> "tuple[Transport, ...]":
    """Return `unix,tcp` as transports, for click; an empty tuple if the option is left out."""
    found: dict[Transport, None] = {}
    for word in (text or "").split(",") if text is not None else ():
        if word.strip() not in ("unix", "tcp"):
            raise click.BadParameter(f"{word!r} is no transport: write unix, tcp or unix,tcp")
        found["unix" if word.strip() == "unix" else "tcp"] = None
    return tuple(found)
