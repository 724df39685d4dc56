"""The results of the smaller lessons, with the fewest trials that show them."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.measure.worker_pool import WorkerPool
from bench.server.database import Database
from bench.studies.lessons.lesson import LESSONS, LessonSetting, lesson_named
from bench.studies.lessons.thinking_time import THOUGHT_MS

Find = Callable[..., dict[str, Any]]


@pytest.fixture
def find(lessons_database: Database, worker_pool: WorkerPool) -> Find:
    def measure(name: str, trials: int = 1, **more: Any) -> dict[str, Any]:
        setting = LessonSetting(lessons_database, worker_pool, trials, **more)
        return lesson_named(name).measure(setting)

    return measure


def test_every_listed_lesson_has_a_module() -> None:
    for name in LESSONS:
        lesson = lesson_named(name)
        assert lesson.TRIALS >= 1
        assert callable(lesson.measure)
        assert callable(lesson.conclude)


def test_the_workshops_questions_have_these_answers(find: Find) -> None:
    found = find("workshop-questions")
    assert found["joined"] == [{"saw": "1001", "statements": 1, "warnings": (), "count": 1}]
    for name, words in {
        "lazy-select": "MissingGreenlet (xd2s)",
        "lazy-after-close": "DetachedInstanceError (bhk3)",
        "expire-on-commit": "MissingGreenlet (xd2s)",
        "expire-on-commit-false": "'customer 1'",
        "stale": "('customer 1', 'renamed', 'renamed')",
        "rollback-expires": "MissingGreenlet (xd2s)",
        "execute-without-await": "'customer 1'",
        "flush-without-await": "None",
        "commit-without-await": "'0 orders'",
        "rollback-without-await": "'1 orders'",
        "begin-without-await": "False",
    }.items():
        assert found[name][0]["saw"].startswith(words)
    assert found["selectin"][0]["statements"] == 2
    assert found["awaitable-attrs"][0]["statements"] == 1 + 3
    assert found["begin-without-await"][0]["warnings"] == ()
    (warning,) = found["commit-without-await"][0]["warnings"]
    assert warning == "RuntimeWarning: coroutine 'AsyncSession.commit' was never awaited"


def test_a_lock_makes_the_mistake_silent_and_a_session_for_each_task_prevents_it(
    find: Find,
) -> None:
    crowds = find("thinking-time")["crowds"]
    apart = [point["outcomes"] for point in crowds["a session each"]]
    assert apart == [{"right": 1}] * len(THOUGHT_MS)
    assert crowds["10 tasks, warm pool"][0]["outcomes"] == {"raised": 1}
    locked = crowds["10 tasks, a lock"]
    assert not any(point["exceptions"] for point in locked)
    assert any(point["lost"] + point["unasked"] for point in locked)


def test_an_engine_a_call_leaves_a_connection_open_each_time(find: Find) -> None:
    found = find("one-engine", embedded=False)
    leaking = found["open"]["an engine a call, left open, gc off"]
    assert leaking == list(range(1, len(leaking) + 1))
    assert max(found["open"]["one engine"]) == 1
    assert found["refusal"] == ""  # only the embedded server may run out of connections


def test_a_session_for_each_task_is_faster_than_one_shared_session(find: Find) -> None:
    """Twenty statements of 10 ms take at least 200 ms one after the other, on any machine."""
    found = find("cost-of-the-rule", trials=3)
    assert min(found["crowds"]["gather on one session"]) > 0.2e9
    assert set(map(len, found["calls"].values())) == {3}
