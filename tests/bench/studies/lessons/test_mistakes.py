"""Each mistake has its outcome in every trial, and its right way is right in every trial."""

import pytest

from bench.studies.lessons.catalogue import MISTAKES, THEMES
from tests.bench.studies.lessons.conftest import Try

SILENT = [
    "dirty-read",
    "swallowed-error",
    "add-while-committing",
    "roll-back-another",
    "debit-committed",
    "attribute-forgotten",
    "aborted-commit",
    "savepoint-taken-along",
    "close-expunges",
    "for-update",
    "lock-round-the-session",
    "neighbour-fails",
    "background-task",
    "scoped-to-the-request",
    "borrowed-instance",
    "core-connection",
]
RAISED = {
    "reads-cold-pool": "provisioning a new connection",
    "reads-pre-ping": "provisioning a new connection",
    "add-commit-cold": "provisioning a new connection",
    "add-flush": "already flushing",
    "stream-commit": "",
    "asyncpg-connection": "another operation is in progress",
    "poisoned-pool": "manually started transaction",
    "pool-deadlock": "QueuePool limit",
    "second-loop": "attached to a different loop",
    "added-twice": "already attached to session",
}
SERIAL = ["reads-warm-pool", "reads-begun", "psycopg-connection", "threads-psycopg2"]


@pytest.mark.parametrize("name", SILENT)
def test_it_is_wrong_without_an_exception(tried: Try, name: str) -> None:
    counts = tried(name)
    assert counts.outcomes == {"silently wrong": 2}
    assert counts.failures == []
    assert counts.untrue == 2


@pytest.mark.parametrize("name", RAISED)
def test_it_raises(tried: Try, name: str) -> None:
    counts = tried(name)
    assert counts.outcomes == {"raised": 2}
    assert RAISED[name] in counts.failures[0]["message"]


@pytest.mark.parametrize("name", SERIAL)
def test_nothing_runs_at_once(tried: Try, name: str) -> None:
    counts = tried(name)
    assert counts.outcomes == {"silently serial": 2}
    assert counts.at_once == 1


def test_the_row_of_a_task_that_raised_may_still_be_saved(tried: Try) -> None:
    counts = tried("add-commit-cold")
    assert counts.says == {"1 order confirmed, 5 there": 2}
    assert counts.untrue == 2


def test_a_poisoned_pool_is_left_in_a_transaction_and_repaired_by_a_ping(tried: Try) -> None:
    poisoned, pinged = tried("poisoned-pool"), tried("poisoned-pool-pre-ping")
    assert poisoned.says == {"0 of 5 innocent requests answered": 2}
    assert poisoned.left_in_transaction == 2
    assert pinged.says == {"4 of 5 innocent requests answered": 2}


def test_two_loops_on_one_engine_hang_and_are_ended(tried: Try) -> None:
    """A process that hangs does not stop the lesson."""
    assert tried("two-threads-two-loops", trials=1).outcomes == {"hung": 1}
    assert tried("two-threads-two-loops", "right", trials=1).outcomes == {"right": 1}


@pytest.mark.parametrize("theme", THEMES)
def test_the_right_way_is_right(tried: Try, theme: str) -> None:
    for mistake in THEMES[theme]:
        if not mistake.alone:
            counts = tried(mistake.name, "right", trials=1)
            assert counts.outcomes == {"right": 1}, mistake.name
            assert counts.left_in_transaction == counts.not_returned == 0, mistake.name


@pytest.mark.parametrize("name", SILENT)
def test_the_guard_catches_what_was_silent(tried: Try, name: str) -> None:
    """Forbids a mistake that shares something and that the guard does not see."""
    assert tried(name, guard=True).outcomes == {"caught": 2}


def test_the_guard_adds_nothing_to_what_sqlalchemy_itself_refuses(tried: Try) -> None:
    """Forbids that `added-twice` reaches the change of the object."""
    counts = tried("added-twice", guard=True)
    assert counts.outcomes == {"raised": 2}
    assert "already attached to session" in counts.failures[0]["message"]


@pytest.mark.parametrize("name", ["roll-back-another", "close-expunges", "attribute-forgotten"])
def test_with_the_guard_the_answer_of_the_owner_is_true(tried: Try, name: str) -> None:
    assert tried(name, guard=True).untrue == 0


def test_the_guard_leaves_the_right_way_alone(tried: Try) -> None:
    for mistake in MISTAKES.values():
        if mistake.guardable and not mistake.alone:
            counts = tried(mistake.name, "right", guard=True, trials=1)
            assert counts.outcomes == {"right": 1}, mistake.name


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_page_has_all_its_parts(mistake: object) -> None:
    kind = type(mistake)
    for part in ("name", "title", "guess", "reason", "cure"):
        assert getattr(kind, part)
    for way in ("wrong", "right"):
        lines = kind.source(way).splitlines()  # type: ignore[attr-defined]
        assert lines
        assert not lines[0].startswith((" ", "async def wrong", "async def right"))
        assert max(map(len, lines)) <= 92
