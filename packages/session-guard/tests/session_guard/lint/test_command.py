"""`session-guard lint`: paths, exit codes, and messages for mistakes."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.session_guard.lint.conftest import SHARED, Run

from tests.root import ROOT


def test_it_walks_a_folder(run: Run, app: Path) -> None:
    (app / ".venv").mkdir()
    (app / ".venv" / "library.py").write_text(SHARED)
    result = run("lint", "app")
    assert result.returncode == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith("app/db.py:6:46: SG001 'session' is used by several tasks at once")
    assert "open a session inside each task" in line


def test_it_is_content(run: Run, tmp_path: Path) -> None:
    (tmp_path / "db.py").write_text("maker = async_sessionmaker(engine)\n")
    result = run("lint")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("words", [("lint", "app"), ("app",)])
def test_the_module_runs_as_the_script_does(app: Path, words: tuple[str, ...]) -> None:
    """Forbid that the command line of earlier versions stops working."""
    command = [sys.executable, "-m", "session_guard", *words]
    result = subprocess.run(command, cwd=app.parent, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout.startswith("app/db.py:6:46: SG001 ")


def test_a_folder_with_a_typing_module(run: Run, app: Path) -> None:
    """Forbid that a module of the user replaces a module of Python."""
    for name in ("typing", "ast", "dataclasses", "argparse"):
        (app.parent / f"{name}.py").write_text("raise RuntimeError('not to be imported')\n")
    result = run("lint", "app")
    assert (result.returncode, result.stderr) == (1, "")


def test_help_and_version(run: Run) -> None:
    assert "lint" in run("--help").stdout
    assert "--format" in run("lint", "--help").stdout
    assert run("--version").stdout.startswith("session-guard ")


def test_a_path_that_is_not_there(run: Run, app: Path) -> None:
    result = run("lint", "nowhere", "app")
    assert result.returncode == 2
    assert result.stderr.startswith("error: there is no nowhere in ")
    assert "SG001" in result.stdout


def test_a_folder_without_python(run: Run, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    result = run("lint", "texts")
    assert result.returncode == 2
    assert result.stderr.startswith("error: there is no Python file in texts: ")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--select", "SG9"], "--select: there is no rule SG9. The rules are SG001, "),
        (["--ignore", "E501"], "--ignore: there is no rule E501. "),
        (["--config", "none.toml"], "--config: there is no file none.toml"),
        (["--format", "xml"], "invalid choice: 'xml'"),
    ],
)
def test_a_wrong_option(run: Run, app: Path, words: list[str], complaint: str) -> None:
    result = run("lint", "app", *words)
    assert result.returncode == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--select", "SG001"], 1),
        (["--select", "SG002,SG003"], 0),
        (["--ignore", "SG001"], 0),
        (["--select", "ALL", "--ignore", "SG001"], 0),
        (["--select", "SG001", "--ignore", "SG"], 1),
        (["--exclude", "db.py"], 2),
        (["--exit-zero"], 0),
    ],
)
def test_what_is_selected(run: Run, app: Path, words: list[str], code: int) -> None:
    assert run("lint", "app", *words).returncode == code


def test_silently_serial_needs_pedantic(run: Run, tmp_path: Path) -> None:
    """Forbid a report of a shared psycopg connection without `--pedantic`."""
    source = SHARED.replace("sqlalchemy.ext.asyncio import AsyncSession", "psycopg import X")
    (tmp_path / "db.py").write_text(source.replace("X", "AsyncConnection as AsyncSession"))
    assert run("lint", "db.py").returncode == 0
    for option in (["--pedantic"], ["--select", "SG004"]):
        result = run("lint", "db.py", *option)
        assert result.returncode == 1
        assert "SG004" in result.stdout
    assert run("lint", "db.py", "--pedantic", "--ignore", "SG004").returncode == 0


def test_our_own_code_is_clean(run: Run) -> None:
    """Our own code has no finding, except the lessons, which break the rule to show it."""
    ours = [*(ROOT / "bench").glob("*.py"), ROOT / "accessors", *(ROOT / "packages").glob("*/src")]
    result = run("lint", *ours)
    assert (result.returncode, result.stdout) == (0, "")


def test_it_finds_a_lesson_that_breaks_the_rule(run: Run) -> None:
    result = run("lint", ROOT / "bench" / "studies" / "lessons" / "mistakes")
    assert result.returncode == 1
    assert "SG001" in result.stdout
