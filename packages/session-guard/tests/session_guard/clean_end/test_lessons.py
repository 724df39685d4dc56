"""Every mistake of the lesson is caught, and leaves nothing open."""

import asyncio
import gc
import logging
import warnings

import pytest
from session_guard import violations
from sqlalchemy.exc import SAWarning

from bench.server.database import Database
from bench.studies.lessons import tables
from bench.studies.lessons.catalogue import MISTAKES
from bench.studies.lessons.db_probe import DatabaseProbe
from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.trial import TrialJob, _end_stragglers, run

SHARED = sorted(
    name
    for name, mistake in MISTAKES.items()
    if mistake.guardable and mistake.shares and not mistake.alone
)
SEEN_BY_SQLALCHEMY = {"added-twice"}


@pytest.fixture(scope="module")
def lesson_url(note_url: str) -> str:
    with Database(note_url).connect() as connection:
        tables.make(connection)
    return note_url


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
@pytest.mark.parametrize("name", SHARED)
def test_it_is_caught_and_nothing_is_left(lesson_url: str, name: str, driver: str) -> None:
    """Forbids a trial in which a mistake is not caught, keeps a connection of the pool, leaves one
    `idle in transaction`, or lets a task have a wrong answer."""
    job = TrialJob(name, "wrong", 2, lesson_url, driver, guard=True)
    try:
        for evidence in run(job):
            assert (evidence.violations > 0) is (name not in SEEN_BY_SQLALCHEMY)
            assert evidence.not_returned == 0
            assert evidence.left_in_transaction == 0
            assert not evidence.hung
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", ["reads-warm-pool", "close-expunges", "background-task"])
def test_nothing_is_left_to_the_garbage_collector(lesson_url: str, name: str) -> None:
    """Forbids that a connection returns only when the garbage collector finds its session."""
    mistake = MISTAKES[name]

    async def scenario() -> None:
        shop = Fixture(lesson_url, "session-guard-test", guard=True, options={"pool_size": 2})
        await shop.warm_up(1)
        with Database(lesson_url).connect() as connection:
            DatabaseProbe(connection, "session-guard-test").clear()
            shop.open()
            await asyncio.gather(mistake.wrong(shop), return_exceptions=True)
            await _end_stragglers()
        with warnings.catch_warnings():
            warnings.simplefilter("error", SAWarning)
            gc.collect()
        assert shop.given_out() == 0
        await shop.close()

    asyncio.run(scenario())
    assert violations(clear=True)
