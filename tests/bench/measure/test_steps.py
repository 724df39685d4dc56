"""The steps of a client: in order, without end, and the short loop's form where it is right."""

from itertools import islice
from typing import Any

import pytest

from bench.measure import clients_async, clients_sync, runner
from bench.measure.job import Job
from bench.measure.steps import Bound, Steps
from bench.model.case import Case
from bench.model.workload import Operation, first_of_round
from bench.results import recording
from bench.server.database import Database
from tests.bench.conftest import SMALL
from tests.bench.measure.conftest import BOTH, POINT
from tests.bench.recording import Record, record


def first(*_: Any) -> None: ...


def second(*_: Any) -> None: ...


BOUND: dict[str, Bound] = {"first": (first, None), "second": (second, None)}
ONE = [Operation("first", (1,)), Operation("first", (2,)), Operation("first", (3,))]


def test_an_iteration_goes_on_where_the_last_was_left() -> None:
    """Forbids a window that begins with the operations of its warm-up."""
    steps = Steps([*ONE, Operation("second")], BOUND)
    assert [arguments for _, arguments in islice(steps, 3)] == [(1,), (2,), (3,)]
    assert [call for (call, _), _ in islice(steps, 3)] == [second, first, first]


def test_one_function_of_one_argument_has_a_loop_of_its_own() -> None:
    """Forbids the dearer loop for a point read, for which `bench overhead` promises 5 %."""
    steps = Steps(ONE, {"first": (first, None)})
    assert steps.lone is not None
    call, values = steps.lone
    assert call is first
    assert list(islice(values, 4)) == [1, 2, 3, 1]


@pytest.mark.parametrize(
    "operations",
    [
        [Operation("first", (1,)), Operation("second", (2,))],
        [Operation("first", (1,)), Operation("first", (1, 2))],
        [Operation("first")],
    ],
)
def test_other_operations_have_none(operations: list[Operation]) -> None:
    """Forbids a call without its other arguments, or of another function."""
    names = {operation.function for operation in operations}
    assert Steps(operations, {name: BOUND[name] for name in names}).lone is None


class _NeverLone(Steps):
    """Steps without the short form."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.lone = None


@BOTH
@pytest.mark.parametrize("scope", ["task", "operation"])
def test_both_loops_measure_the_same(
    shop: Database, monkeypatch: pytest.MonkeyPatch, name: str, scope: str
) -> None:
    """Forbids that the loop of one argument skips or repeats an operation: where a window goes on
    after its warm-up, where samples are handed over, and where an operation has failed."""
    case = Case(name, POINT, session_scope=scope, loop="asyncio" if "async" in name else "none")
    for module in (clients_sync, clients_async):
        monkeypatch.setattr(module, "LOOK_NS", 10_000_000)
    monkeypatch.setattr(recording, "MOST_IN_MEMORY", 1)
    for steps in (Steps, _NeverLone):
        for module in (clients_sync, clients_async):
            monkeypatch.setattr(module, "Steps", steps)

        def fail_twice() -> None:
            if len(record.calls) in (12, 20):
                raise ValueError("no")

        for seconds in (0.15, 5.0):  # a busy machine needs longer
            record.__dict__.update(vars(Record()))
            record.act = fail_twice
            job = Job(case, "tests.bench.recording", shop.url, SMALL, 3, seconds, 0.02)
            samples = runner.run(job).samples
            if len(record.calls) > 24:
                break
        plan = [operation.arguments for operation in job.plans()[0]]
        begun = first_of_round(3, len(plan))
        asked = [arguments for _, _, arguments in record.calls]
        assert asked == [plan[(begun + at) % len(plan)] for at in range(len(asked))], steps
        assert len(asked) > 24
        starts, ends = list(samples.start_ns), []
        for start, duration in zip(starts, samples.duration_ns, strict=True):
            assert not ends or start >= ends[-1]
            ends.append(start + duration)
        errors = samples.errors
        assert set(errors.values()) <= {"ValueError: no"}
        assert len(errors) == 2 or len(asked) - len(samples) >= 12  # one was in the warm-up
        for at in errors:  # its session was given back, and the next one began later
            assert starts[at + 1] - ends[at] >= clients_sync.AFTER_FAILURE_S * 1e9


def test_operations_of_the_warm_up_may_have_other_arguments() -> None:
    """Forbids a short loop that is chosen by the operations of the window, for others."""
    bound = {"first": BOUND["first"]}
    assert Steps([Operation("first", ())], bound).lone is None
    lone = Steps([Operation("first", ((1, 2),))], bound).lone
    assert lone is not None
    assert next(lone[1]) == (1, 2), "a list of values is one argument"


class _OtherWarmUp(Job):
    """A job whose clients warm up on another read."""

    def warm_up(self) -> tuple[Operation, ...]:
        return (Operation("get_orders_of_customer", (1,)),)


@pytest.mark.parametrize(("name", "loop"), [("psycopg2", "none"), ("asyncpg", "asyncio")])
def test_a_warm_up_may_be_of_another_function(shop: Database, name: str, loop: Any) -> None:
    """Defect: a client knew the functions of its window alone. A round of a workload file's read of
    100,000 rows by the ORM would warm up on a read of 100, which has a name of its own (KeyError).
    """
    case = Case(name, "get_customers", loop=loop)
    run = runner.run(_OtherWarmUp(case, None, shop.url, SMALL, 0, 0.02, 0.02))
    assert len(run.samples) > 0
    assert not run.samples.errors
    assert min(run.samples.rows) > 1
