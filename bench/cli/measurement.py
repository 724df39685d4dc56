"""What commands that measure have in common: their folder of results, and how they end."""

import re
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.model.errors import UsageError
from bench.system.interrupts import held_back

if TYPE_CHECKING:
    from bench.model.run_config import RunConfig


def carry_out(
    config: "RunConfig", database_url: str | None, folder: Path, *, quiet: bool, charts: bool
) -> None:
    """Measure, then present what was measured, however it ended."""
    from bench.execution.measurement import measure
    from bench.output.present import present
    from bench.output.terminal.progress import Progress
    from bench.results.file import Recorder
    from bench.server.database import resolve
    from bench.server.embedded import EmbeddedServer, default_folder

    embedded = None if database_url else EmbeddedServer(default_folder())
    was_running = embedded is None or embedded.status().running
    recorder = Recorder(folder)
    try:
        with Progress(
            config.plan, len(config.backends), verify=config.verify, quiet=quiet
        ) as progress:
            measure(config, resolve(database_url), recorder, progress)
    except KeyboardInterrupt:
        if embedded is not None and not was_running:
            with held_back():
                embedded.stop()
        raise
    finally:
        recorder.close()
        if recorder.holds_runs:
            present(folder, charts=charts)


def results_folder(name: str) -> Path:
    """A folder of its own for what is measured now."""
    from bench.system import home as project

    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    return project.home() / "results" / f"{stamp}-{name}"


def safe_name(label: str) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", label).strip("-.")
    if not name:
        raise UsageError(f"label {label!r} has no letter or digit to name a folder with.")
    return name


def command_line(database_url: str | None) -> str:
    """What was typed, with the password as ***."""
    from bench.server.database import Database

    words = ["bench", *sys.argv[1:]]
    if database_url:  # before anything is quoted, which would hide a password from us
        safe_url = Database(database_url).safe_url
        words = [word.replace(database_url, safe_url) for word in words]
    return shlex.join(words)
