"""The lesson `workshop-questions`: it answers each question of the workshop by running code."""

import asyncio
import os
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from bench.server.database import Database
from bench.studies.lessons.db_probe import DatabaseProbe
from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.lesson import LessonSetting
from bench.studies.lessons.outcome import RaisedError
from bench.studies.lessons.question import QUESTIONS, Question

if TYPE_CHECKING:
    from rich.console import RenderableType

TRIALS = 5

_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Answer:
    """One answer to a question. If the trials differ, the question has no single answer."""

    saw: str
    """The repr of the result, or the exception."""
    statements: int
    """The number of statements that the server answered, without BEGIN, COMMIT and ROLLBACK."""
    warnings: tuple[str, ...]


def measure(setting: LessonSetting) -> dict[str, Any]:
    """Return the answers to each question, with the number of trials that gave them."""
    from bench.studies.lessons.question_page import page

    pending = setting.worker_pool.submit(
        "questions", _run, setting.database.url, setting.driver, setting.trials
    )
    results: dict[str, Any] = setting.worker_pool.result(pending, _TIMEOUT_S)
    for question in QUESTIONS:
        setting.tell(page(question, results[question.name]))
    return results


def conclude(found: Mapping[str, Any]) -> "RenderableType":
    from bench.studies.lessons.question_page import table

    return table(found)


def _run(url: str, driver: str, trials: int) -> dict[str, Any]:
    return asyncio.run(_answers(url, driver, trials))


async def _answers(url: str, driver: str, trials: int) -> dict[str, Any]:
    shop = Fixture(url, f"gatherbench-lesson-{os.getpid()}", driver)
    results = {}
    with Database(url).connect() as connection:
        probe = DatabaseProbe(connection, shop.name)
        for question in QUESTIONS:
            answers = Counter[Answer]()
            for _ in range(trials):
                probe.clear()
                answers[await _answer(question, shop)] += 1
            results[question.name] = [
                {**vars(answer), "count": count} for answer, count in answers.most_common()
            ]
    await shop.close()
    return results


async def _answer(question: Question, shop: Fixture) -> Answer:
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = shop.engine.sync_engine
    event.listen(engine, "after_cursor_execute", note)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            saw = repr(await question.ask(shop))
        except Exception as error:
            failure = RaisedError.of(error)
            code = f" ({failure.code})" if failure.code else ""
            saw = f"{failure.kind.rpartition('.')[2]}{code}: {failure.message}"
    event.remove(engine, "after_cursor_execute", note)
    texts = tuple(f"{warning.category.__name__}: {warning.message}" for warning in warned)
    return Answer(saw, len(sent), texts)
