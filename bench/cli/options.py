"""Options that several commands share, and the parsing of their values."""

import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Any

import click

from bench.cli.db import admin_url_option, database_url_option
from bench.model.errors import UsageError
from bench.model.timeout import TIMEOUT_S

if TYPE_CHECKING:
    from accessors import DiscoveredBackend

__all__ = [
    "MOST_CONCURRENT",
    "MOST_REPEATED",
    "Duration",
    "Seconds",
    "admin_url_option",
    "backend_module_option",
    "backend_options",
    "charts_option",
    "choose_backends",
    "completed",
    "counts",
    "database_url_option",
    "dataset_options",
    "look_for_backends",
    "named",
    "no_workload_file",
    "processes_option",
    "profile_names",
    "timeout_option",
    "workload_files_option",
    "workload_names",
]

Decorator = Callable[[Any], Any]


MOST_CONCURRENT = 10_000
"""The most tasks or threads. Each has its own connection."""

MOST_REPEATED = 1_000_000
"""The most rounds, generations or pairs. More would take months."""


EVERY_BACKEND = "all"
"""The value of --backend for every available backend, with those of extras."""


def completed(names: Callable[[], Iterable[str]]) -> Any:
    """Return a function for click's `shell_complete`. It calls `names` only when Tab is pressed."""

    def complete(context: click.Context, option: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def backend_names() -> Iterable[str]:
    """Return the names of the built-in backends, and the word for all of them."""
    from accessors import BUILTIN

    return (*BUILTIN, EVERY_BACKEND)


def workload_names() -> Iterable[str]:
    """Return the names of the workloads."""
    from bench.model.workload import WORKLOADS

    return WORKLOADS


def profile_names() -> Iterable[str]:
    """Return the names of the profiles."""
    from bench.model.profiles import PROFILES

    return PROFILES


backend_module_option: Decorator = click.option(
    "--backend-module",
    "backend_modules",
    multiple=True,
    metavar="MODULE",
    help="A module with your own backends (docs/add-an-accessor.md). Repeatable.",
)


def backend_options(
    command: Any,
    backend: str = "Only this backend. Repeatable. `all`: every available one, with those of extras"
    " (pg8000, psqlpy), which run only if they are named.",
) -> Any:
    """Add the options --backend and --backend-module. `backend`: the help of the former."""
    return click.option(
        "--backend",
        "backends",
        multiple=True,
        metavar="NAME",
        shell_complete=completed(backend_names),
        help=backend,
    )(backend_module_option(command))


def dataset_options(command: Any, scale: str = "the profile's") -> Any:
    """Add the options --scale and --seed. `scale`: the default in words, for the help."""
    command = click.option(
        "--seed",
        type=int,
        default=1,
        show_default=True,
        help="Seed of the rows, the arguments and the order of cases.",
    )(command)
    return click.option(
        "--scale",
        type=float,
        help=f"Size of the dataset: 1 is 10,000 customers and 50,000 orders. Default: {scale}.",
    )(command)


class Seconds(click.FloatRange):
    """A range of seconds. It refuses nan, which click's own range accepts."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the seconds, or fail with a usage error."""
        seconds = super().convert(value, param, ctx)
        return self.fail("nan is not a number.", param, ctx) if isnan(seconds) else seconds


class Duration(Seconds):
    """A range of seconds that may be written with a unit: 90, 90s, 5m or 1h."""

    name = "duration"
    _UNITS = {"s": 1, "m": 60, "h": 3600}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the seconds, or fail with a usage error."""
        factor = 1
        if isinstance(value, str) and value[-1:] in self._UNITS:
            factor, value = self._UNITS[value[-1]], value[:-1]
        try:
            return super().convert(float(value) * factor, param, ctx)
        except ValueError:
            return self.fail(f"{value!r} is not a duration: write 60s or 5m.", param, ctx)


class RenamedOption(click.Option):
    """An option that still accepts its old name; `--help` and completion show the new one alone."""

    def __init__(self, *args: Any, old_name: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self._old_name = old_name

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Add both names to the parser."""
        names = self.opts
        self.opts = [*names, self._old_name]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = names


timeout_option: Decorator = click.option(
    "--timeout",
    cls=RenamedOption,
    old_name="--patience",
    type=Seconds(0.1, 86_400),
    default=TIMEOUT_S,
    show_default=True,
    metavar="SECONDS",
    help="Give up a backend that takes this much longer than planned.",
)


figure_option: Decorator = click.option(
    "--figure",
    "figure_name",
    metavar="NAME",
    help="throughput, rows, p50, p95, p99, first-row, cpu or server-cpu.  [default: throughput;"
    " p99 for cases at an arrival rate]",
)

same_code_option: Decorator = click.option(
    "--same-code",
    "same_code",
    metavar="RUN",
    multiple=True,
    help="Another run of the reference's code, such as of another day. Repeatable. Two or more tell"
    " how much runs differ by themselves, for a gate of fewer than ten cases.",
)

workload_option: Decorator = click.option(
    "--workload",
    "workloads",
    multiple=True,
    metavar="NAME",
    shell_complete=completed(workload_names),
    help="Only this workload. Repeatable.",
)


def workload_files_option(does: str) -> Decorator:
    """Return the option --workload-file. `does`: the beginning of its help, a verb."""
    option: Decorator = click.option(
        "--workload-file",
        "workload_files",
        multiple=True,
        metavar="FILE",
        help=f"{does} that this Python file declares, or a script of pgbench"
        " (docs/your-own-query.md). Scripts may be several, with weights as in read.sql@3.",
    )
    return option


def no_workload_file(reason: str, instead: str) -> Decorator:
    """Return a hidden option --workload-file that is refused with this reason."""

    def refuse(context: click.Context, option: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise UsageError(
                f"--workload-file is not for {context.command_path}: {reason}.\n{instead}"
            )

    option: Decorator = click.option(
        "--workload-file", hidden=True, expose_value=False, callback=refuse
    )
    return option


charts_option: Decorator = click.option(
    "--charts/--no-charts",
    default=True,
    help="Draw charts as PNG and SVG. `bench charts` draws them later. The report has others.",
)


def named(
    kind: str, names: Iterable[str], known: Iterable[str], shown_by: str = "bench list"
) -> list[str]:
    """Return the names without repeats. Raises `UsageError`, with a guess, if one is unknown."""
    known = list(known)
    chosen = []
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.5)
            guess = f"did you mean {close[0]!r}? " if close else ""
            raise UsageError(f"no {kind} named {name!r}: {guess}`{shown_by}` shows them.")
        chosen.append(name)
    return list(dict.fromkeys(chosen))


def counts(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, ...]:
    """Return `1,4,16` as numbers, for click; an empty tuple if the option is left out."""
    if text is None:
        return ()
    try:
        numbers = tuple(dict.fromkeys(int(number) for number in text.split(",")))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers: write 1,4,16") from None
    if max(numbers) > MOST_CONCURRENT:
        raise click.BadParameter(f"{option.name} must be at most {MOST_CONCURRENT:,}")
    if min(numbers) < 1:
        raise click.BadParameter(f"{option.name} must be at least 1: write 1,4,16")
    return numbers


processes_option: Decorator = click.option(
    "--processes",
    callback=counts,
    metavar="N,N",
    help="Numbers of worker processes that share the clients of a case, as in 1,2,4. The"
    " concurrency is that of all together.",
)


def look_for_backends(
    modules: Iterable[str],
    timeout_s: float = TIMEOUT_S,
    *,
    described: bool = False,
    only: Collection[str] = (),
) -> "Mapping[str, DiscoveredBackend]":
    """Return every known backend, and for each whether it is available here.

    `described`: built-in backends are not imported, and cannot be opened; that is a third of the
    time. `only`: so are all but these. Raises `UsageError` if a module in `modules` cannot be used.
    """
    from accessors import BackendModuleError, discover
    from bench.cli.foreign_code import contained
    from bench.system import current_folder

    modules = tuple(modules)
    if modules:
        current_folder.search()
    try:
        return discover(modules, partial(contained, timeout_s), described=described, only=only)
    except BackendModuleError as error:
        advice = "Correct that module, or leave it out (docs/add-an-accessor.md)."
        if isinstance(error.__cause__, ModuleNotFoundError) and sys.flags.safe_path:
            advice = (
                "Because PYTHONSAFEPATH is set, Python does not search the current folder."
                " Name the module's folder: PYTHONPATH=/its/folder bench ..."
            )
        raise UsageError(f"cannot use --backend-module {error}.\n{advice}") from error


def choose_backends(
    names: Iterable[str], modules: Iterable[str], timeout_s: float = TIMEOUT_S
) -> "Mapping[str, DiscoveredBackend]":
    """Return the named backends, or all that are available here if none is named.

    Those of extras are included if they are named, or if `EVERY_BACKEND` is. Raises `UsageError`
    if a named backend is unknown or not available.
    """
    from accessors import usual

    names = list(names)
    # SQLAlchemy and drivers that nobody asked for would take a third of a second to import.
    only = () if EVERY_BACKEND in names else names
    known_backends = look_for_backends(modules, timeout_s, only=only)
    if EVERY_BACKEND in names and EVERY_BACKEND not in known_backends:
        names = [name for name, found in known_backends.items() if found.backend]
    chosen = named("backend", names, known_backends)
    for name in chosen:
        if known_backends[name].backend is None:
            raise UsageError(
                f"backend {name!r} is not available here: {known_backends[name].reason}"
            )
    if chosen:
        return {name: known_backends[name] for name in chosen}
    return usual(known_backends)
