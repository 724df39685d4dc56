"""`bench` as a user runs it: a program of its own, at the head of its own process group.

`Bench.start` starts the program. A call, which waits for its end, may fork one that is imported.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.bench import forked

POINT = "get_total_cost_of_an_order"
BENCH = Path(sys.executable).with_name("bench")

LONGEST_S = 240.0
"""The time that a command may take, and that a test waits. A busy machine makes a test slower, and
must not make it fail. Only a command that never ends does. pytest's own timeout is longer."""

ONE_CASE = (
    "--profile=smoke",
    f"--workload={POINT}",
    "--fetch=buffered",
    "--concurrency=1",
    "--session-scope=task",
    "--transactions=autocommit",
    "--rounds=2",
    "--no-charts",
)

MODULE = """
import os, signal, time
from contextlib import contextmanager
from accessors.sync.psycopg import Psycopg, PsycopgAccessor

class Odd(Psycopg):
    @contextmanager
    def accessor(self):
        with self._pool.connection() as connection:
            yield self.accessor_class(connection)

BACKENDS = []
"""
CLASS = """
class {name}Accessor(PsycopgAccessor):
{body}

class {name}(Odd):
    name = "{name}"
    accessor_class = {name}Accessor
    requires = {{**Psycopg.requires, {requires}}}

BACKENDS.append({name}())
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def error(self) -> list[str]:
        """The lines of the error at the end of stderr."""
        lines = self.err.strip().splitlines()
        starts = [at for at, line in enumerate(lines) if line.startswith("error: ")]
        return lines[starts[-1] :] if starts else []


class Bench:
    """Runs `bench` commands in an environment of the test's own."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.out = folder / "out"
        clean = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.environment = clean | {"GATHERBENCH_HOME": str(folder), "PYTHONPATH": str(folder)}
        if database_url:
            self.environment["DATABASE_URL"] = database_url

    def odd(self, requires: str = "", **bodies: str) -> tuple[str, ...]:
        """Write a module of backends, each psycopg but for its body. The options to use them."""
        module = MODULE
        for name, body in bodies.items():
            lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
            module += CLASS.format(name=name, body=lines, requires=requires)
        (self.folder / "oddly.py").write_text(module)
        return ("--backend-module=oddly", *(f"--backend={name}" for name in bodies))

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = subprocess.Popen(
            [BENCH, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        _started.append(command)
        return command

    def __call__(self, *arguments: str, seconds: float = LONGEST_S) -> Done:
        if not forked.can_run(self.environment):
            return finish(self.start(*arguments), seconds)
        command = [str(BENCH), *arguments]
        return _checked(*forked.run(command, self.folder, self.environment, seconds))

    def measure(self, *arguments: str) -> Done:
        """`bench run` of one case, into `out`."""
        return self("run", *ONE_CASE, f"--out={self.out}", *arguments)

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """Return the complete lines of this kind in `run.jsonl` so far."""
        file = self.out / "run.jsonl"
        text = file.read_text() if file.exists() else ""
        whole = (json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n")
        return [line for line in whole if line["kind"] == kind]


_started: list["subprocess.Popen[str]"] = []


def kill_what_goes_on() -> None:
    """Kill commands that a failed test did not wait for: they would measure for hours."""
    while _started:
        command = _started.pop()
        if command.poll() is None:
            os.killpg(command.pid, signal.SIGKILL)
            command.communicate()


def finish(command: "subprocess.Popen[str]", seconds: float = LONGEST_S) -> Done:
    """Wait for the end of the command, and check that it printed no traceback."""
    out, err = command.communicate(timeout=seconds)
    return _checked(command.returncode, out, err)


def _checked(code: int, out: str, err: str) -> Done:
    assert "Traceback" not in out + err, err
    return Done(code, out, err)


def ctrl_c(command: "subprocess.Popen[str]") -> None:
    """Interrupt all processes in the foreground, as a terminal does."""
    os.killpg(command.pid, signal.SIGINT)


def workers(command: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Its measuring processes, and what else it started in its group."""
    return psutil.Process(command.pid).children(recursive=True)


def wait_until(true: Callable[[], object], seconds: float = LONGEST_S) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
