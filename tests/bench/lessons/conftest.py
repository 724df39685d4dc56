"""Trials of a lesson's mistakes, a few, on a database of the tests' own."""

from collections.abc import Callable, Iterator

import pytest

from bench.database import Database
from bench.lessons import tables
from bench.lessons.catalogue import MISTAKES
from bench.lessons.lesson import Setting
from bench.lessons.session_per_task import tally
from bench.lessons.tally import Tally
from bench.processes import Crew

Try = Callable[..., Tally]


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with Crew() as crew:
        yield crew


@pytest.fixture
def tried(database: Database, crew: Crew) -> Try:
    """Run a way of a mistake twice, where nothing else says."""
    with database.connect() as connection:
        tables.make(connection)

    def trial(name: str, way: str = "wrong", *, guard: bool = False, trials: int = 2) -> Tally:
        setting = Setting(database, crew, trials)
        return tally(setting, MISTAKES[name], way, guard=guard)

    return trial
