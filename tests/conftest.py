"""A real PostgreSQL for the tests: one server a session, one fresh database a test."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from tests.databases import new_database
from tests.long import mark, skip_if_late

# A busy machine is no defect: nothing here is asserted of time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SLOWEST_FIRST = (
    "tests/test_documents.py",
    "tests/bench/output/terminal/test_progress.py",
    "tests/test_tutorial.py",
    "tests/bench/studies/microbench/test_suite.py",
    "tests/bench/output/report/test_pages_in_browser.py",
    "tests/bench/measure/test_interrupt.py",
    "tests/bench/measure/test_failures.py",
    "packages/session-guard/tests/session_guard/test_pytest_plugin.py",
    "tests/bench/server/test_embedded_accidents.py",
    "tests/bench/server/test_embedded_life.py",
    "packages/pytest-async-benchmark/tests/async_benchmark/test_timing.py",
    "packages/pytest-async-benchmark/tests/async_benchmark/test_errors.py",
)
"""Files of 15 s and more: begun last, one would keep one worker busy and leave the others idle."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what takes long; what takes longest of the rest begins first.

    With --no-loadscope-reorder, workers keep this order.
    """
    if moved := [name for name in SLOWEST_FIRST if not (config.rootpath / name).exists()]:
        raise pytest.UsageError(f"SLOWEST_FIRST in tests/conftest.py: where is {moved[0]} now?")
    rank = {name: number for number, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))
    mark(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a long test for which no time is left: before its fixtures start a server."""
    skip_if_late(item)


# A pytest that a test starts is no worker of ours: pytest-benchmark would time nothing in it.
os.environ.pop("PYTEST_XDIST_WORKER", None)


@pytest.fixture(scope="session", autouse=True)
def _pytest_without_hypothesis() -> Iterator[None]:
    """A pytest that a test starts uses neither, and would import both for half a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest -p no:faker")
        yield


@pytest.fixture(autouse=True)
def _no_variable_is_left() -> Iterator[None]:
    """A command in the process of a test sets variables, which those of later tests would have."""
    before = set(os.environ)
    yield
    for name in os.environ.keys() - before:
        if not name.startswith("PYTEST_"):
            del os.environ[name]


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A running embedded server of the tests' own."""
    # Not pytest's tmp_path: pytest takes back, at the start of any other session, the right to
    # pass through it that root's server needs.
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        running = EmbeddedServer(Path(folder) / "postgres")
        with Database(running.start()).connect() as connection:
            # No test cuts the power. With fsync, each database that is dropped is a checkpoint.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield running
        running.stop()


@pytest.fixture
def database(server: EmbeddedServer) -> Iterator[Database]:
    """An empty database that only this test uses."""
    with new_database(server) as database:
        yield database
