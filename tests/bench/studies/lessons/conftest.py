"""Fixtures: a few trials of a lesson's mistakes, on a database that only these tests use."""

from collections.abc import Callable, Iterator

import pytest

from bench.measure.worker_pool import WorkerPool
from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from bench.studies.lessons import tables
from bench.studies.lessons.catalogue import MISTAKES
from bench.studies.lessons.lesson import LessonSetting
from bench.studies.lessons.session_per_task import tally
from bench.studies.lessons.tally import TrialTally
from tests.databases import new_database

Try = Callable[..., TrialTally]


@pytest.fixture(scope="session")
def lessons_database(server: EmbeddedServer) -> Iterator[Database]:
    """A database with the scratch tables. Each trial resets them, so one serves all tests."""
    with new_database(server) as database:
        with database.connect() as connection:
            tables.make(connection)
        yield database


@pytest.fixture(scope="session")
def worker_pool() -> Iterator[WorkerPool]:
    with WorkerPool() as pool:
        yield pool


@pytest.fixture
def tried(lessons_database: Database, worker_pool: WorkerPool) -> Try:
    """Return a function that runs one way of a mistake, by default in two trials."""

    def trial(name: str, way: str = "wrong", *, guard: bool = False, trials: int = 2) -> TrialTally:
        setting = LessonSetting(lessons_database, worker_pool, trials)
        return tally(setting, MISTAKES[name], way, guard=guard)

    return trial
