"""The option --connect: how the backends connect, as settings of their libraries."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from accessors import DiscoveredBackend
    from bench.model.connect import Setting


def _names(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
    """Return the completions of a setting, for click's `shell_complete`."""
    from accessors.connect_options import GROUPS, options

    names = (f"{group}.{name}=" for group in GROUPS for name in options(group))
    return [name for name in names if name.startswith(incomplete)]


def connect_option(command: Any, several: str = "measured in one run and compared") -> Any:
    """Add the option --connect. `several`: what several values of one option are, for the help."""
    return click.option(
        "--connect",
        "connect",
        multiple=True,
        metavar="GROUP.NAME=VALUE",
        shell_complete=_names,
        help="Connect with this option of a driver, or of SQLAlchemy's engine, as in"
        " asyncpg.statement_cache_size=0 or engine.poolclass=NullPool (docs/connecting.md)."
        f" Repeatable; several values of one option are {several}.",
    )(command)


def settings(
    texts: Iterable[str], backends: "Iterable[DiscoveredBackend]"
) -> "tuple[Setting, ...]":
    """Return the settings, and say which backends do not take one.

    Raises `UsageError` for a setting that cannot be read, that a library does not take, or that no
    backend takes.
    """
    from bench.model.connect import not_taken, parse_all

    chosen = parse_all(texts)
    if chosen:
        for sentence in not_taken(chosen, [found.backend for found in backends if found.backend]):
            echo(f"--connect {sentence}", err=True)
    return chosen
