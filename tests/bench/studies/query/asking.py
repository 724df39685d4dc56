"""Questions to a test's own database, and the check of every backend that takes SQL text."""

from collections.abc import Sequence
from typing import Any

import accessors
from bench.measure.worker_pool import WorkerPool
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.fetch import Fetch
from bench.server.database import Database
from bench.studies.query.checks import Checked, check
from bench.studies.query.job import JobRead, QueryJob
from bench.studies.query.preparation import Asked, prepare
from bench.studies.query.question import Question
from tests.installed import INSTALLED

FETCHES = (Fetch(), Fetch("streamed", 100), Fetch("batched", 100))


def ask(database: Database, sql: str, *arguments: str, **options: Any) -> Question:
    """Prepare a statement in a test's database."""
    return prepare(Asked(sql, arguments, database_url=database.url, **options))


def job(question: Question, backend: str, concurrency: int = 1) -> QueryJob:
    """Return the job of a backend."""
    found = accessors.load(backend)
    return QueryJob(
        case=Case(backend, question.name, concurrency=concurrency),
        module=accessors.BUILTIN[backend],
        url=question.sessions.url_for(found.driver),
        dataset=Dataset(),
        reads=(JobRead(question.name, question.statement, question.draws),),
    )


def text_backends() -> list[str]:
    """Return the built-in backends that take SQL text, without the extras."""
    names = [name for name in INSTALLED if name not in accessors.EXTRAS]
    return [name for name in names if accessors.load(name).placeholders]


def checked(
    pool: WorkerPool,
    question: Question,
    backends: Sequence[str] = (),
    fetches: Sequence[Fetch] = FETCHES,
) -> dict[str, Checked]:
    """Check the backends, each in its own process."""
    return {
        name: pool.result(
            pool.submit(name, check, job(question, name), question.name, question.answers, fetches),
            60,
        )
        for name in backends or text_backends()
    }
