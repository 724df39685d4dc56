"""No code and no settings come from the current folder, but the module that the user names."""

import os
import subprocess

import pytest

from tests.bench.command import BENCH, Bench

SMALL = (
    "run", "--profile=smoke", "--backend=null", "--no-verify", "--scale=0.01", "--rounds=1",
    "--seconds=0.01", "--quiet",
)  # fmt: skip

# Modules of ours, of libraries, optional ones, and those that Python itself imports in a process
# that multiprocessing starts.
PLANTED = (
    "accessors", "asyncpg", "bench", "click", "greenlet", "matplotlib", "multiprocessing",
    "numpy", "pickle", "psycopg", "psycopg2", "psycopg_c", "pyarrow", "selectors",
    "session_guard", "signal", "sitecustomize", "socket", "sqlalchemy", "struct", "threading",
    "usercustomize", "uvloop",
)  # fmt: skip


@pytest.fixture
def planted(bench: Bench) -> Bench:
    """Commands in a folder of modules that leave a trace when they are imported."""
    del bench.environment["PYTHONPATH"]
    trace = (
        f"open({str(bench.folder / 'traces')!r}, 'a').write(__name__ + chr(10))\nraise OSError\n"
    )
    for name in PLANTED:
        (bench.folder / f"{name}.py").write_text(trace)
    evil = bench.folder / "evil-1.0.dist-info"
    evil.mkdir()
    (evil / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    points = "[gatherbench.backends]\nany = evil\n[pytest11]\nevil = evil\n"
    (evil / "entry_points.txt").write_text(points)
    (bench.folder / "evil.py").write_text(trace)
    return bench


def traces(bench: Bench) -> list[str]:
    file = bench.folder / "traces"
    return sorted(set(file.read_text().split())) if file.exists() else []


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("run", "--help"),
        SMALL,
        ("verify", "--backend=psycopg", "--scale=0.01"),
        ("completion", "bash"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_no_command_imports_what_lies_in_the_current_folder(
    planted: Bench, arguments: tuple[str, ...]
) -> None:
    """Forbids running code from the current folder, also in the worker processes."""
    done = planted(*arguments)
    assert traces(planted) == []
    assert done.code == 0, done.err


def test_completion_imports_nothing_from_there(planted: Bench) -> None:
    words = {"COMP_WORDS": "bench run --backend asyn", "COMP_CWORD": "3"}
    done = subprocess.run(
        [BENCH],
        cwd=planted.folder,
        env=planted.environment | words | {"_BENCH_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
    )
    assert "asyncpg" in done.stdout
    assert traces(planted) == []


MINE = """
from accessors.null import BACKENDS as THEIRS
from beside import NAME
class Mine(type(THEIRS[0])):
    name = NAME
BACKENDS = (Mine(),)
"""


@pytest.fixture
def mine(planted: Bench) -> Bench:
    """With a module of the user's own, which imports another of the same folder."""
    (planted.folder / "mine.py").write_text(MINE)
    (planted.folder / "beside.py").write_text("NAME = 'mine'\n")
    (planted.folder / "psycopg_c.py").unlink()  # psycopg asks for it, and it is not installed
    return planted


def test_a_named_module_is_found_there_and_takes_the_place_of_no_other(mine: Bench) -> None:
    """Forbids that --backend-module opens the folder to every import and entry point."""
    assert "mine" in mine("list", "--backend-module=mine").out
    own = tuple(word.replace("null", "mine") for word in SMALL)
    done = mine(*own, "--backend-module=mine", f"--out={mine.out}")
    assert done.code == 0, done.err
    assert {line["case"]["backend"] for line in mine.lines("run")} == {"mine"}
    assert traces(mine) == []


def test_pythonsafepath_is_respected_and_said(mine: Bench) -> None:
    mine.environment["PYTHONSAFEPATH"] = "1"
    refused = mine("list", "--backend-module=mine")
    assert refused.code == 2
    assert "No module named 'mine'" in refused.error[0]
    assert "PYTHONSAFEPATH" in refused.error[1]
    assert "PYTHONPATH=" in refused.error[1]
    for name in PLANTED:  # PYTHONPATH comes first, as its user wants
        (mine.folder / f"{name}.py").unlink(missing_ok=True)
    mine.environment["PYTHONPATH"] = str(mine.folder)
    assert mine("list", "--backend-module=mine").code == 0


def test_a_deleted_current_folder(bench: Bench) -> None:
    gone = bench.folder / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {BENCH} list --backend-module=nowhere"
    done = subprocess.run(
        ["sh", "-c", script], env=bench.environment, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "nowhere" in done.stderr


@pytest.mark.parametrize(
    "settings", ["text.usetex: True\nfont.size: 90\n", "backend: nothing\n", None]
)
def test_matplotlib_reads_no_settings_there(bench: Bench, settings: str | None) -> None:
    """Forbids ./matplotlibrc: it can change every chart, or wait for ever where it is a FIFO."""
    assert bench(*SMALL, "--concurrency=1,2", f"--out={bench.out}").code == 0
    before = {path.name: path.read_bytes() for path in (bench.out / "charts").iterdir()}
    assert before
    if settings is None:
        os.mkfifo(bench.folder / "matplotlibrc")
    else:
        (bench.folder / "matplotlibrc").write_text(settings)
    bench.environment["MPLBACKEND"] = "nothing"
    done = bench("charts", str(bench.out))
    assert done.code == 0, done.err
    assert before == {path.name: path.read_bytes() for path in (bench.out / "charts").iterdir()}
