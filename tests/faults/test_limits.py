"""Limits that a shell or a container sets, and characters that a terminal cannot show."""

import re

import pytest

from bench.server.database import Database
from tests.bench.command import Bench, finish
from tests.faults.campaign import begin, is_clean, limited
from tests.faults.fault import Fault, is_well

FILES = {
    16: Fault(
        "16 files may be open (ulimit -n)",
        "error: 49 files have to be open at once in a process, and only 16 may be.",
        1,
    ),
    64: Fault(
        "64 files may be open (ulimit -n), for 20 clients",
        "error: 68 files have to be open at once in a process, and only 64 may be.",
        1,
    ),
}
MEMORY = Fault(
    "little memory is allowed (ulimit -v)",
    "error: … runs failed, the first: ….",
    1,
)
PLAIN = Fault(
    "the terminal accepts only ASCII (LANG=C)", "simpler characters: us for microseconds", 0
)


@pytest.mark.parametrize("files", FILES)
def test_few_files_may_be_open(bench: Bench, database: Database, files: int) -> None:
    """Forbids 'OperationalError: .' and tracebacks if a limit of the shell is reached."""
    limited(bench, f"resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))")
    done = finish(begin(bench, "--concurrency=20"))
    FILES[files].is_shown_by(done)
    assert done.error[1].startswith("Allow more: ulimit -n 1024")
    is_clean([], database)


def test_little_memory(bench: Bench, database: Database) -> None:
    """Forbids a traceback, and a hanging command, if no thread can be started."""
    limited(bench, "resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))")
    done = finish(begin(bench, "--rounds=2", "--backend=psycopg", "--timeout=2"))
    MEMORY.is_shown_by(done)
    is_clean([], database)


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=str,
)
def test_a_terminal_of_few_characters(bench: Bench, variables: dict[str, str]) -> None:
    """Forbids a traceback instead of the table when all is measured."""
    bench.environment |= variables
    done = finish(begin(bench, "--rounds=2", "--no-charts"))
    is_well(done)
    assert "operations/s" in done.out
    assert re.search(r"\bus\b", done.out)
