"""Each distribution is built, installed alone into an empty environment, and does what it says."""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pytest

from tests.documents import blocks
from tests.root import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

PACKAGES = {
    "session-guard": ROOT / "packages" / "session-guard",
    "gatherbench-async-benchmark": ROOT / "packages" / "pytest-async-benchmark",
    "gatherbench": ROOT,
}


def run(*words: object, cwd: Path, code: int = 0) -> str:
    """Run a program, which has to end with this exit code, and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PY")}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=environment | {"GATHERBENCH_HOME": str(cwd)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for package in PACKAGES.values():
        source = folder / "source" / package.name
        run("git", "clone", "-q", ROOT, source, cwd=folder)  # a build leaves files beside sources
        place = source / package.relative_to(ROOT)
        run(
            sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, place, cwd=folder
        )
    assert len(list(folder.glob("*.whl"))) == len(PACKAGES)
    return folder


def installed(name: str, wheels: Path, folder: Path) -> Path:
    """Return the programs of a new environment with this distribution and what it needs."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    constraints = ROOT / "constraints.txt"
    run(programs / "python", "-m", "pip", "install", "-q", "-c", constraints,
        "--find-links", wheels, name, cwd=folder)  # fmt: skip
    return programs


def test_session_guard_alone(wheels: Path, tmp_path: Path) -> None:
    """Defect: installing session_guard brought matplotlib, scipy, pytest and a PostgreSQL."""
    programs = installed("session-guard", wheels, tmp_path)
    names = {line.partition("==")[0] for line in run(
        programs / "python", "-m", "pip", "freeze", cwd=tmp_path).splitlines()}  # fmt: skip
    assert {name.partition(" ")[0] for name in names} <= {
        *("session-guard", "SQLAlchemy", "sqlalchemy", "typing_extensions", "greenlet")
    }
    (example,) = blocks(PACKAGES["session-guard"] / "README.md", "python")
    (tmp_path / "example.py").write_text(example)
    said = run(programs / "python", "example.py", cwd=tmp_path)
    assert "rollback() by task" in said
    assert "was refused" in said
    assert "SG001" in run(programs / "session-guard", "lint", "example.py", cwd=tmp_path, code=1)


def test_async_benchmark_alone(wheels: Path, tmp_path: Path) -> None:
    programs = installed("gatherbench-async-benchmark", wheels, tmp_path)
    (example,) = blocks(PACKAGES["gatherbench-async-benchmark"] / "README.md", "python")
    (tmp_path / "test_example.py").write_text(example)
    said = run(programs / "python", "-m", "pytest", "test_example.py", cwd=tmp_path)
    assert "2 passed" in said
    assert "test_sixteen_at_once" in said


def test_gatherbench_outside_of_a_checkout(wheels: Path) -> None:
    """Measure, and stop the server that runs from the new environment."""
    # Not pytest's tmp_path: the server's own user has to pass through it, and any other session of
    # pytest takes that right back.
    with tempfile.TemporaryDirectory(prefix="gatherbench-packages-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        programs = installed("gatherbench", wheels, folder)
        options = ("--profile=smoke", "--backend=asyncpg", "--no-charts")
        try:
            run(programs / "bench", "run", *options, cwd=folder)
            assert list(folder.glob("results/*/report.html"))
        finally:
            run(programs / "bench", "db", "stop", cwd=folder)
