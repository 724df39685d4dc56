"""A command that is forked is a command that is started: the same ends, streams and modules."""

import subprocess
from pathlib import Path

import pytest

from tests.bench import forked
from tests.bench.command import Bench, finish


def test_it_ends_as_a_started_one(tmp_path: Path) -> None:
    """Forbids tests that pass because their commands are not those of a user."""
    bench = Bench(tmp_path)
    assert forked.can_run(bench.environment), "a test has left a variable: " + ", ".join(
        sorted(forked.changed(bench.environment))
    )
    for arguments in (("list",), ("report", "nowhere"), ("run", "--backend=nope"), ()):
        assert bench(*arguments) == finish(bench.start(*arguments))


def test_a_module_in_the_place_of_an_imported_one_is_seen(tmp_path: Path) -> None:
    """Forbids a fork that never looks where the user's PYTHONPATH leads."""
    (tmp_path / "psycopg2.py").write_text("raise ModuleNotFoundError(name='psycopg2')")
    assert not forked.can_run(Bench(tmp_path).environment)


def test_a_variable_that_is_read_at_the_start_is_seen(tmp_path: Path) -> None:
    """Forbids a fork that has the environment of another process."""
    bench = Bench(tmp_path)
    assert not forked.can_run(bench.environment | {"MPLBACKEND": "nothing"})
    assert not forked.can_run({"PYTHONPATH": str(tmp_path)})


def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    """Forbids a command that measures on after its test."""
    bench = Bench(tmp_path)
    (tmp_path / "sleeps.py").write_text("import time\ntime.sleep(60)")
    with pytest.raises(subprocess.TimeoutExpired):
        bench("list", "--backend-module=sleeps", seconds=1)


def test_its_output_may_be_larger_than_a_pipe(tmp_path: Path) -> None:
    """Forbids a command that waits for ever to print, as nobody reads."""
    (tmp_path / "talks.py").write_text("print('x' * 300_000)\nBACKENDS = []")
    done = Bench(tmp_path)("list", "--backend-module=talks")
    assert len(done.err) > 300_000  # what a module prints is no part of the answer
