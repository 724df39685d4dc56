"""The Makefile, in a copy with a stand-in for the environment: what it runs, says and keeps."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.root import ROOT

TARGETS = (
    *("help", "setup", "install", "bench", "microbench", "test", "test-all", "versions"),
    *("check", "charts", "docs", "docs-site", "db-up", "db-down", "clean"),
)

STAND_IN = """\
#!/bin/sh
printf '%s\\n' "bench $*" "url $DATABASE_URL" >>said
"""


class Copy:
    """A folder with a space in its name, a Makefile, and an environment that only says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder)
        for name in ("accessors", "bench", "packages", "tests"):
            (folder / name).mkdir()
        for package in ("session-guard", "pytest-async-benchmark"):
            (folder / "packages" / package).mkdir()
            shutil.copy(
                ROOT / "packages" / package / "pyproject.toml", folder / "packages" / package
            )
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "bench").write_text(STAND_IN)
        (programs / "bench").chmod(0o755)
        for stamp in (".ready", ".ready-dev"):
            (folder / ".venv" / stamp).touch()

    def make(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        names = (
            "DATABASE_URL",
            "MAKEFLAGS",
            "MAKELEVEL",
            "PROFILE",
            "ARGS",
            "DIR",
            "COMPARE",
            "PYTHON",
        )
        inherited = {name: value for name, value in os.environ.items() if name not in names}
        return subprocess.run(
            ["make", *words],
            cwd=self.folder,
            env=inherited | environment,
            capture_output=True,
            text=True,
        )

    @property
    def said(self) -> list[str]:
        return (self.folder / "said").read_text().splitlines()


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    folder = tmp_path / "a checkout"
    folder.mkdir()
    return Copy(folder)


def test_make_alone_lists_every_target(copy: Copy) -> None:
    done = copy.make()
    assert done.returncode == 0
    listed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make ")]
    assert listed == list(TARGETS)


def test_an_installed_environment_is_left_alone(copy: Copy) -> None:
    assert copy.make("bench").stdout == ""
    assert copy.said == ["bench run --profile quick", "url "]


def test_a_newcomer_installs_no_tools_of_development(copy: Copy) -> None:
    """Forbids that a statement of one's own needs pytest, mypy and mkdocs first."""
    (copy.folder / ".venv" / ".ready").unlink()
    (copy.folder / ".venv" / ".ready-dev").unlink(missing_ok=True)
    assert "[dev]" not in copy.make("--dry-run", "setup").stdout
    assert "[dev]" in copy.make("--dry-run", "install").stdout


def test_a_changed_requirement_installs_again(copy: Copy) -> None:
    ready = (copy.folder / ".venv" / ".ready").stat().st_mtime
    os.utime(copy.folder / "constraints.txt", (ready + 10, ready + 10))
    assert "pip install" in copy.make("--dry-run", "bench").stdout


def test_profile_and_arguments_reach_the_command(copy: Copy) -> None:
    copy.make("bench", "PROFILE=full", "ARGS=--backend asyncpg")
    assert copy.said[0] == "bench run --profile full --backend asyncpg"


URL = "postgresql://u:pa$$w$ord(a)'b@host:5432/db"


def test_a_database_url_arrives_as_it_is_and_is_never_shown(copy: Copy) -> None:
    by_variable = copy.make("bench", f"DATABASE_URL={URL}")
    by_environment = copy.make("bench", DATABASE_URL=URL)
    assert [line for line in copy.said if line.startswith("url")] == [f"url {URL}"] * 2
    assert copy.said[0] == "bench run --profile quick"
    shown = copy.make("--dry-run", "bench", f"DATABASE_URL={URL}")
    for done in (by_variable, by_environment, shown):
        assert "pa$" not in done.stdout + done.stderr


def test_microbench_keeps_a_file_a_run_and_compares_when_asked(copy: Copy) -> None:
    python = copy.folder / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >said\n')
    python.chmod(0o755)
    assert copy.make("microbench", "ARGS=-k asyncpg").returncode == 0
    assert [word for word in copy.said if word.startswith("--benchmark-compare")] == []
    (file,) = (word for word in copy.said if word.startswith("--benchmark-json="))
    assert re.fullmatch(r"--benchmark-json=results/microbench/\d{12}\.json", file)
    assert copy.said[-2:] == ["-k", "asyncpg"]
    assert "--benchmark-storage=results/microbench" in copy.said
    copy.make("microbench", "COMPARE=a b.json")
    assert copy.said[-1] == "--benchmark-compare=a b.json"


def test_a_command_that_fails_fails_make(copy: Copy) -> None:
    (copy.folder / ".venv" / "bin" / "bench").write_text("#!/bin/sh\nexit 1\n")
    assert copy.make("bench").returncode != 0


def test_no_fitting_python_is_a_clear_error(copy: Copy) -> None:
    (copy.folder / ".venv" / ".ready").unlink()
    done = copy.make("bench", "PYTHON=python2.7")
    assert done.returncode != 0
    assert "error: python2.7 is no Python 3.11 or later." in done.stderr
    assert not (copy.folder / ".venv" / ".ready").exists()


OLD_PYTHON = "#!/bin/sh\nexit 1\n"
NEW_PYTHON = """\
#!/bin/sh
echo "$*" >>asked
[ "$1 $2" != "-m venv" ] || { mkdir -p .venv/bin && cp "$0" .venv/bin/python; }
"""


def test_the_first_python_that_is_new_enough_makes_the_environment(
    copy: Copy, tmp_path: Path
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("python3", OLD_PYTHON), ("python3.14", NEW_PYTHON)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (copy.folder / ".venv" / ".ready").unlink()
    done = copy.make("bench", PATH=f"{programs}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    asked = (copy.folder / "asked").read_text()
    assert "-m venv --clear .venv\n" in asked
    assert "--editable packages/pytest-async-benchmark --editable .\n" in asked
    assert copy.said[0] == "bench run --profile quick"


def test_charts_are_of_the_newest_result_or_of_the_named(copy: Copy) -> None:
    done = copy.make("charts")
    assert "error: no results yet" in done.stderr
    for number, name in enumerate(("b-old", "a-new")):
        file = copy.folder / "results" / name / "run.jsonl"
        file.parent.mkdir(parents=True)
        file.touch()
        os.utime(file, (number, number))
    copy.make("charts")
    copy.make("charts", "DIR=results/b-old")
    assert copy.said[::2] == ["bench charts results/a-new", "bench charts results/b-old"]


def test_clean_keeps_what_was_measured_and_the_database(copy: Copy) -> None:
    """Forbids a package of ours whose caches stay."""
    caches = [f"{package}/__pycache__/x.pyc" for package in ("bench", "packages/session-guard/src")]
    for name in ("results/one/run.jsonl", ".gatherbench/data", *caches):
        path = copy.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    done = copy.make("clean")
    assert done.returncode == 0
    assert copy.said[0] == "bench db stop"
    assert not (copy.folder / ".venv").exists()
    assert not any((copy.folder / name).parent.exists() for name in caches)
    assert (copy.folder / "results" / "one" / "run.jsonl").exists()
    assert (copy.folder / ".gatherbench" / "data").exists()
    assert "kept" in done.stdout


@pytest.mark.parametrize("target", ["db-up", "db-down"])
def test_a_missing_docker_is_said(copy: Copy, target: str, tmp_path: Path) -> None:
    for program in ("make", "sh"):
        (tmp_path / program).symlink_to(shutil.which(program) or program)
    done = copy.make(target, PATH=str(tmp_path))
    assert done.returncode != 0
    assert "error: docker is not installed" in done.stderr
