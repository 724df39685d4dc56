"""The outcome of a trial follows from its evidence alone."""

from dataclasses import replace

import pytest

from bench.studies.lessons.outcome import (
    Evidence,
    Outcome,
    RaisedError,
    classify,
    flatten,
    most_at_once,
)
from bench.studies.lessons.tally import TrialTally

RIGHT = Evidence(says="1 order confirmed, 1 there", agrees=True)
FAILURE = RaisedError("sqlalchemy.InvalidRequestError", "isce", "not now")


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        ({}, Outcome.RIGHT),
        ({"agrees": False}, Outcome.SILENT),
        ({"failures": (FAILURE,)}, Outcome.RAISED),
        ({"failures": (FAILURE,), "agrees": False}, Outcome.RAISED),
        ({"at_once": 1, "tasks": 10}, Outcome.SERIAL),
        ({"at_once": 2, "tasks": 10}, Outcome.RIGHT),
        ({"at_once": 1, "tasks": 1}, Outcome.RIGHT),
        ({"at_once": 1, "tasks": 10, "agrees": False}, Outcome.SILENT),
        ({"hung": True, "failures": (FAILURE,)}, Outcome.HUNG),
        ({"violations": 1, "failures": (FAILURE,)}, Outcome.CAUGHT),
        ({"crashed": True}, Outcome.CRASHED),
        ({"violations": 1}, Outcome.CAUGHT),
    ],
    ids=str,
)
def test_the_first_of_the_outcomes_that_holds(seen: dict[str, object], outcome: Outcome) -> None:
    assert classify(replace(RIGHT, **seen)) is outcome  # type: ignore[arg-type]


def test_an_exception_is_recorded_by_class_code_and_message() -> None:
    from sqlalchemy.exc import InvalidRequestError

    error = InvalidRequestError("Object <Customer at 0x7f00dead> is in session '88'", code="isce")
    assert RaisedError.of(error) == RaisedError(
        "sqlalchemy.InvalidRequestError", "isce", "Object ... is in session '...'"
    )


def test_a_wrapped_error_is_recorded_as_the_drivers_error() -> None:
    from sqlalchemy.exc import DBAPIError

    error = DBAPIError("SELECT 1", None, ValueError("too many clients"))
    assert RaisedError.of(error).kind == "ValueError"
    assert RaisedError.of(error).message == "too many clients"


def test_no_file_of_this_machine_is_recorded() -> None:
    """Defect: a lesson's file had the repr of a task, which names a file of this machine."""
    words = "Task <Task pending coro=<f() running at /home/me/x.py:1>> got Future <Future pending>"
    assert RaisedError.of(RuntimeError(words)).message == "Task ... got Future ..."
    words = "held by b, at /home/me/shop/orders.py:31; https://docs.sqlalchemy.org/en/20/orm"
    message = "held by b, at orders.py:31; https://docs.sqlalchemy.org/en/20/orm"
    assert RaisedError.of(RuntimeError(words)).message == message


def test_errors_in_a_group_are_each_counted() -> None:
    group = ExceptionGroup("", [ValueError("a"), ExceptionGroup("", [KeyError("b")])])
    answers, errors = flatten(["A", None, group])
    assert answers == ["A"]
    assert [type(error) for error in errors] == [ValueError, KeyError]


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([], 0),
        ([(0, 1)], 1),
        ([(0, 1), (1, 2), (2, 3)], 1),
        ([(0, 2), (1, 3), (2.5, 4)], 2),
        ([(0, 9), (1, 2), (1.5, 1.7)], 3),
    ],
)
def test_how_many_run_at_once(spans: list[tuple[float, float]], most: int) -> None:
    assert most_at_once(spans) == most


def test_a_tally_counts_outcomes_and_kinds_of_failure() -> None:
    raised = replace(RIGHT, failures=(FAILURE, FAILURE), agrees=False, elapsed_ns=30)
    counts = TrialTally.of([RIGHT, raised, replace(raised, elapsed_ns=20)])
    assert counts.outcomes == {"raised": 2, "right": 1}
    assert counts.main is Outcome.RAISED
    assert counts.trials == 3
    assert counts.untrue == 2
    assert counts.failures == [
        {"kind": FAILURE.kind, "code": "isce", "message": "not now", "count": 4}
    ]
    assert counts.elapsed_ns == 20
    assert TrialTally(**counts.as_dict()) == counts
