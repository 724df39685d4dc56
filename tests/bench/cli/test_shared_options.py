"""Every command that measures is carried out with its own --label, --timeout and --pin."""

import sys
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.cli.measurement import CommandOptions
from bench.model.run_config import RunConfig
from bench.server.database import Database
from tests.bench.cli.workload_files import write

GIVEN = ("--label=mine", "--timeout=77")
LABELLED = {
    "run": ("--profile=smoke", "--pin"),
    "run --workload-file": ("--pin",),
    "run --scheduler=local:1": ("--profile=smoke", "--concurrency=1"),
    "query SELECT(1)": ("--pin",),
    "pool": ("--pin", "--no-pgbouncer"),
    "pool --workload-file": ("--pin",),
    "saturate": ("--pin",),
    "saturate --workload-file": ("--pin",),
    "streaming": ("--quick",),
    "streaming --workload-file": ("--quick",),
}
"""A command, and the options that it has besides `GIVEN`."""


@pytest.fixture
def carried_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: Database
) -> list[RunConfig]:
    """The config of each measurement that a command would begin."""
    found: list[RunConfig] = []

    def carry_out(_: CommandOptions, config: RunConfig, *__: Any, **___: Any) -> Path:
        found.append(config)
        return tmp_path

    monkeypatch.setattr(CommandOptions, "carry_out", carry_out)
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database.url)
    return found


def begin(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *words])
    main.cli.main(list(words), standalone_mode=False)


@pytest.mark.parametrize("command", LABELLED)
def test_the_config_has_the_options_of_its_command(
    command: str,
    carried_out: list[RunConfig],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Defect: the end of a command replaced the label, the timeout and the pin of its config."""
    words = [word.replace("(", " ").replace(")", "") for word in command.split()]
    if words[-1] == "--workload-file":
        words[-1] += f"={write(tmp_path, 'sql')}"
    begin(monkeypatch, *words, *LABELLED[command], *GIVEN, "--backend=psycopg")
    (config,) = carried_out
    pin = "yes" if "--pin" in LABELLED[command] else "no"
    assert (config.label, config.timeout_s, config.pin) == ("mine", 77.0, pin)
    assert config.command.startswith(f"bench {words[0]} ")


@pytest.mark.parametrize(
    ("words", "pin"),
    [(("--budget=9s",), "if possible"), (("--budget=9s", "--no-pin"), "no"), ((), "no")],
)
def test_a_budget_pins_unless_it_is_told_not_to(
    words: tuple[str, ...],
    pin: str,
    carried_out: list[RunConfig],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin(monkeypatch, "run", "--profile=smoke", "--backend=psycopg", *words)
    assert carried_out[0].pin == pin
