"""The lesson `workshop-questions`: each question of the workshop, answered by running it."""

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
    """What there was to see. The same each time, or the question has no answer."""

    saw: str
    """What came back, or the exception."""
    statements: int
    """How many the server answered, not counting BEGIN, COMMIT and ROLLBACK."""
    warnings: tuple[str, ...]


def measure(setting: LessonSetting) -> dict[str, Any]:
    """For each question its answers, with how often they were given."""
    from bench.studies.lessons.question_page import page

    pending = setting.crew.submit(
        "questions", _run, setting.database.url, setting.driver, setting.trials
    )
    found: dict[str, Any] = setting.crew.result(pending, _TIMEOUT_S)
    for question in QUESTIONS:
        setting.tell(page(question, found[question.name]))
    return found


def conclude(found: Mapping[str, Any]) -> "RenderableType":
    from bench.studies.lessons.question_page import table

    return table(found)


def _run(url: str, driver: str, trials: int) -> dict[str, Any]:
    return asyncio.run(_answers(url, driver, trials))


async def _answers(url: str, driver: str, trials: int) -> dict[str, Any]:
    shop = Fixture(url, f"gatherbench-lesson-{os.getpid()}", driver)
    found = {}
    with Database(url).connect() as connection:
        judge = DatabaseProbe(connection, shop.name)
        for question in QUESTIONS:
            answers = Counter[Answer]()
            for _ in range(trials):
                judge.clear()
                answers[await _answer(question, shop)] += 1
            found[question.name] = [
                {**vars(answer), "count": count} for answer, count in answers.most_common()
            ]
    await shop.close()
    return found


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
    about = tuple(f"{each.category.__name__}: {each.message}" for each in warned)
    return Answer(saw, len(sent), about)
