"""The parts that measuring commands share: the results folder, and the end of the command."""

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench.model.errors import BenchError, UsageError
from bench.model.run_config import Pin, RunConfig
from bench.output.terminal.safe_text import echo
from bench.system.interrupts import held_back
from bench.system.output_files import check_folder

if TYPE_CHECKING:
    from accessors import DiscoveredBackend
    from bench.analysis.stopping import Stopping
    from bench.execution.progress_listener import ProgressListener
    from bench.model.dataset import Dataset
    from bench.model.plan import Plan
    from bench.results.file import Recorder
    from bench.server.database import Database

    Measure = Callable[[RunConfig, Database, Recorder, ProgressListener], None]


Made = TypeVar("Made")


@dataclass(frozen=True)
class CommandOptions:
    """The options that all measuring commands share: the server, the results folder, the screen."""

    database_url: str | None
    admin_url: str | None
    timeout_s: float
    label: str = ""
    out: Path | None = None
    charts: bool = False
    quiet: bool = False
    pin: Pin = "no"

    def config(
        self,
        plan: "Plan",
        backends: "Mapping[str, DiscoveredBackend]",
        dataset: "Dataset",
        *,
        verify: bool = True,
        remember: bool = True,
        budget_s: float | None = None,
        guard: bool = False,
        connect: Iterable[object] = (),
        scheduler: str = "",
        command: str = "",
    ) -> RunConfig:
        """Return the run config with these options. Every command makes its config here.

        `command`: the command line without secrets. Default: as typed, without passwords. The other
        arguments are as in `RunConfig`.
        """
        return RunConfig(
            plan,
            backends,
            dataset,
            label=self.label,
            verify=verify,
            remember=remember,
            timeout_s=self.timeout_s,
            command=command or command_line(self.database_url, admin_url=self.admin_url),
            budget_s=budget_s,
            guard=guard,
            pin=self.pin,
            connect=tuple(map(str, connect)),
            scheduler=scheduler,
        )

    def carry_out(
        self,
        config: RunConfig,
        name: str,
        *,
        shown: bool = True,
        stopping: "Stopping | None" = None,
        measured: "Measure | None" = None,
    ) -> Path:
        """Measure with this config, then present the results even if the run failed.

        Returns the results folder. Its name in results/ ends with the label, or else with `name`;
        neither is used with `out`. With `shown` False, nothing is presented. `stopping`: the rule
        for a run with a budget. `measured`: the function that measures, if it is not that of
        `bench run`.
        """
        from bench.execution.capacity import most_connections
        from bench.execution.measurement import measure
        from bench.output import drawing
        from bench.output.attempts import Attempts
        from bench.output.present import present
        from bench.output.terminal import decisions
        from bench.output.terminal.progress import Progress
        from bench.results.file import Recorder
        from bench.server.drivers import drivers_of
        from bench.server.embedded import EmbeddedServer, default_folder
        from bench.server.resolution import resolve

        folder_name = safe_name(config.label) if config.label else _plain(name)
        folder_name = folder_name or config.plan.profile.name
        drawing.wait(lambda: echo("waiting for the charts of the run before", err=True))
        embedded = None if self.database_url else EmbeddedServer(default_folder())
        was_running = embedded is None or embedded.status().running
        recorder = Recorder(self.out) if self.out else in_results(folder_name, Recorder)
        try:
            with Progress(
                config.plan, len(config.backends), verify=config.verify, quiet=self.quiet
            ) as progress:
                drivers = drivers_of(config.backends.values())
                clients = most_connections(config)
                database = resolve(self.database_url, drivers, clients, admin_url=self.admin_url)
                if measured:
                    measured(config, database, recorder, progress)
                else:
                    measure(config, database, recorder, progress, stopping)
        except KeyboardInterrupt:
            if embedded is not None and not was_running:
                with held_back():
                    embedded.stop()
            raise
        finally:
            recorder.close()
            if shown and recorder.holds_runs:
                retry_command = f"bench charts {shlex.quote(str(recorder.folder))}"
                with Attempts(retry_command).at("table and report"):
                    present(recorder.folder, charts=self.charts, in_background=sys.stdout.isatty())
                for line in decisions.lines(stopping.comparisons()) if stopping else ():
                    echo(line)
        return recorder.folder


def tell_left_out(plan: "Plan", backends: Iterable[str], others: Iterable[str] = ()) -> None:
    """Print why backends have no case at all, and the other reasons."""
    for reason in dict.fromkeys([*plan.left_out(backends), *others]):
        echo(f"left out: {reason}", err=True)


def in_results(name: str, make: Callable[[Path], Made]) -> Made:
    """Return the result of `make` for a new folder in results/, named by the time.

    If another command made a folder of that name in the same second, the name has microseconds.
    Raises `BenchError` if no folder can be made.
    """
    from bench.results import archive
    from bench.results.file import FolderExistsError

    for form in ("%Y-%m-%dT%H-%M-%SZ", *["%Y-%m-%dT%H-%M-%S.%fZ"] * _ATTEMPTS):
        stamp = datetime.now(UTC).strftime(form)
        with suppress(FolderExistsError, FileExistsError):
            return make(archive.home() / f"{stamp}-{name}")
    raise BenchError(f"no new folder can be made in {archive.home()}.\nChoose a folder with --out.")


_ATTEMPTS = 20

_LONGEST_LABEL = 200
"""The most characters of a label. File systems allow 255 bytes, and a time stands before it."""


def check_out(out: Path | None) -> None:
    """Raise `BenchError` if --out is a folder that cannot be written, before hours are measured."""
    try:
        if out:
            check_folder(out)
    except OSError as error:
        raise BenchError(
            f"cannot write results to {out}: {error.strerror}.\n"
            "Choose a folder that you may write with --out."
        ) from error


def safe_name(label: str) -> str:
    """Return the label as part of a folder name. Raises `UsageError` if it cannot be one."""
    name = _plain(label)
    if not name:
        raise UsageError(
            f"label {label!r} has no letter or digit to name a folder with.\n"
            "Write another --label, as in --label laptop."
        )
    if len(name) > _LONGEST_LABEL:
        raise UsageError(
            f"--label has {len(name):,} characters, and a folder is named by it.\n"
            f"Write at most {_LONGEST_LABEL}."
        )
    return name


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")


def command_line(
    database_url: str | None, hidden: Sequence[str] = (), *, admin_url: str | None = None
) -> str:
    """Return the command as typed, with *** for passwords, and for each text in `hidden`."""
    from bench.server.database import Database

    words = ["bench", *sys.argv[1:]]
    for url in (database_url, admin_url):
        if url:  # replaced before quoting: quoting could change the password's text
            safe_url = Database(url).safe_url
            words = [word.replace(url, safe_url) for word in words]
    for text in hidden:
        words = [
            "***"
            if word == text
            else word.replace(f"={text}", "=***")
            if word.startswith("--")
            else word
            for word in words
        ]
    return shlex.join(words)
