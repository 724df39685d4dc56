"""`async_benchmark.pedantic` has the rules of pytest-benchmark, with async setup and teardown."""

import pytest
from tests.async_benchmark.suite import Suite

PEDANTIC = """
import asyncio
from contextlib import asynccontextmanager
from contextvars import ContextVar

import pytest

events = []
user = ContextVar("user", default="nobody")

def tick():
    events.append("clock")
    return len(events) * 1e-3

@pytest.fixture(autouse=True)
def no_events():
    events.clear()

async def work(*args, **kwargs):
    await asyncio.sleep(0)
    events.append(("work", args, kwargs))
    return len(events)

def calls():
    return sum(event[0] == "work" for event in events)

@asynccontextmanager
async def session():
    yield "session"

async def set_up():
    await asyncio.sleep(0)
    events.append("setup")
    user.set("ann")
    return (1,), {"two": 2}

def set_up_plainly():
    events.append("setup")
    user.set("ann")
    return (1,), {"two": 2}

async def tear_down(*args, **kwargs):
    await asyncio.sleep(0)
    events.append(("teardown", args, kwargs))

def tear_down_plainly(*args, **kwargs):
    events.append(("teardown", args, kwargs))
"""


def test_its_rules_are_those_of_pytest_benchmark(suite: Suite) -> None:
    suite.write(
        pedantic=PEDANTIC,
        test_pedantic="""
import pytest
from pedantic import *
from pedantic import no_events

@pytest.mark.parametrize("tasks", [1, 3])
def test_counts(async_benchmark, tasks):
    results = async_benchmark.pedantic(
        work, args=(1,), kwargs={"b": 2}, rounds=5, iterations=4, warmup_rounds=2, tasks=tasks
    )
    # As pytest-benchmark: once more for the result, where a round has several iterations.
    assert calls() == ((5 + 2) * 4 + 1) * tasks
    assert len(results) == tasks
    assert all(event[1:] == ((1,), {"b": 2}) for event in events)
    assert async_benchmark.benchmark.stats.stats.rounds == 5

def test_defaults(async_benchmark):
    assert async_benchmark.pedantic(work) == [1]
    assert calls() == 1

@pytest.mark.benchmark(timer=tick)
@pytest.mark.parametrize("setup", [set_up, set_up_plainly])
@pytest.mark.parametrize("teardown", [tear_down, tear_down_plainly])
def test_setup_and_teardown_are_outside_the_clock(async_benchmark, setup, teardown):
    async_benchmark.pedantic(work, setup=setup, teardown=teardown, rounds=2, warmup_rounds=1)
    arguments = ((1,), {"two": 2})
    a_round = ["setup", "clock", ("work", *arguments), "clock", ("teardown", *arguments)]
    assert events == a_round * 3

def test_setup_runs_once_a_round_for_all_tasks(async_benchmark):
    async_benchmark.pedantic(work, setup=set_up, rounds=3, tasks=4, session=session)
    assert events.count("setup") == 3
    assert calls() == 12
    assert all(event == "setup" or event[1:] == (("session", 1), {"two": 2}) for event in events)

def test_setup_may_return_nothing(async_benchmark):
    async_benchmark.pedantic(work, args=[7], setup=lambda: events.append("setup"), rounds=2)
    assert events == ["setup", ("work", (7,), {})] * 2

@pytest.mark.parametrize("setup", [set_up, set_up_plainly])
def test_setup_and_call_share_a_context(async_benchmark, setup):
    def current(*args, **kwargs):  # runs before there is a coroutine
        seen = user.get()
        async def call():
            return seen, user.get()
        return call()
    assert async_benchmark.pedantic(current, setup=setup, rounds=2) == [("ann", "ann")]

def test_what_excludes_each_other(async_benchmark):
    with pytest.raises(ValueError, match="more than 1 `iterations` with a `setup`"):
        async_benchmark.pedantic(work, setup=set_up, iterations=2)

def test_arguments_twice(async_benchmark):
    with pytest.raises(TypeError, match="Can't use `args` or `kwargs` if `setup` returns"):
        async_benchmark.pedantic(work, args=(1,), setup=set_up)

@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"iterations": 0}, {"warmup_rounds": -1}])
def test_numbers(async_benchmark, wrong):
    with pytest.raises(ValueError, match="Must have positive int"):
        async_benchmark.pedantic(work, **wrong)

async def broken():
    raise LookupError("no row")

@pytest.mark.parametrize("part", ["setup", "teardown"])
def test_what_setup_and_teardown_raise(async_benchmark, part):
    with pytest.raises(LookupError, match="no row"):
        async_benchmark.pedantic(work, **{part: broken})

async def test_in_an_async_test(async_benchmark):
    results = await async_benchmark.pedantic(
        work, setup=set_up, teardown=tear_down, rounds=2, tasks=2, session=session
    )
    assert len(results) == 2
    assert calls() == 4
""",
    )
    result = suite.run("-oasyncio_mode=auto")
    result.assert_outcomes(passed=19)


def test_disabled_it_calls_once(suite: Suite) -> None:
    suite.write(
        pedantic=PEDANTIC,
        test_pedantic="""
from pedantic import *
from pedantic import no_events

def test_once(async_benchmark):
    async_benchmark.pedantic(work, setup=set_up, rounds=9, warmup_rounds=9, tasks=2)
    assert events.count("setup") == 1
    assert calls() == 2
""",
    )
    suite.run("--benchmark-disable").assert_outcomes(passed=1)


@pytest.mark.parametrize("option", ["rounds", "iterations", "warmup_rounds", "setup", "args"])
def test_an_option_of_pedantic_on_the_plain_call(suite: Suite, option: str) -> None:
    """Forbids "got an unexpected keyword argument 'rounds'", which doesn't say what to write."""
    suite.write(
        test_option=f"""
import pytest

async def nothing():
    pass

async def takes_it(*, {option}):
    return {option}

def test_option(async_benchmark):
    with pytest.raises(TypeError, match=r"write async_benchmark.pedantic\\(nothing, {option}="):
        async_benchmark(nothing, {option}=3)
    assert async_benchmark(takes_it, {option}=3) == [3]
"""
    )
    suite.run().assert_outcomes(passed=1)
