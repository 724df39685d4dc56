"""Trials of a lesson's mistakes, a few, on a database of the tests' own."""

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
    """With scratch tables, which each trial empties for itself: one is enough for all tests."""
    with new_database(server) as database:
        with database.connect() as connection:
            tables.make(connection)
        yield database


@pytest.fixture(scope="session")
def crew() -> Iterator[WorkerPool]:
    with WorkerPool() as crew:
        yield crew


@pytest.fixture
def tried(lessons_database: Database, crew: WorkerPool) -> Try:
    """Run a way of a mistake twice, where nothing else is said."""

    def trial(name: str, way: str = "wrong", *, guard: bool = False, trials: int = 2) -> TrialTally:
        setting = LessonSetting(lessons_database, crew, trials)
        return tally(setting, MISTAKES[name], way, guard=guard)

    return trial
