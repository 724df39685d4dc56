"""Errors under `async_benchmark` name their reason."""

import asyncio
import re

import pytest
from async_benchmark import AsyncBenchmark
from tests.async_benchmark.suite import Suite

FAILING = """
import asyncio
import pytest
from contextlib import asynccontextmanager

closed = []

@asynccontextmanager
async def session():
    try:
        yield
    finally:
        closed.append(True)

calls = 0

async def third_fails(session):
    global calls
    calls += 1
    await asyncio.sleep(0)
    if calls > 2:
        raise LookupError("the third")

@asynccontextmanager
async def no_session():
    raise ConnectionError("too many clients")
    yield

async def nothing(*arguments):
    pass

@asynccontextmanager
async def no_end():
    yield
    raise BrokenPipeError("gone")
"""


@pytest.mark.parametrize("tasks", [1, 4])
def test_what_a_call_raises_is_the_reason(suite: Suite, tasks: int) -> None:
    suite.write(
        test_failing=FAILING
        + f"""
def test_fails(async_benchmark):
    with pytest.raises(LookupError, match="the third"):
        async_benchmark(third_fails, tasks={tasks}, session=session)
    assert len(closed) == {tasks}
"""
    )
    suite.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("tasks", [1, 4])
@pytest.mark.parametrize("factory", ["no_session", "no_end"])
def test_what_a_session_raises_is_the_reason(suite: Suite, factory: str, tasks: int) -> None:
    error = "ConnectionError" if factory == "no_session" else "BrokenPipeError"
    suite.write(
        test_failing=FAILING
        + f"""
def test_fails(async_benchmark):
    async_benchmark(nothing, tasks={tasks}, session={factory})
"""
    )
    result = suite.run("-Wdefault")
    result.assert_outcomes(failed=1, warnings=int(factory == "no_session"))
    result.stdout.fnmatch_lines([f"E *{error}: *"])


def test_what_cannot_be_done_is_said(suite: Suite) -> None:
    suite.write(
        test_wrong="""
import asyncio
import pytest

async def nothing():
    pass

def test_no_task(async_benchmark):
    with pytest.raises(ValueError, match="tasks must be at least 1, not 0"):
        async_benchmark(nothing, tasks=0)
    async_benchmark(nothing)
"""
    )
    suite.run().assert_outcomes(passed=1)


OUTCOMES = """
import asyncio
import pytest
from contextlib import asynccontextmanager

closed = []

@asynccontextmanager
async def session():
    try:
        yield
    finally:
        closed.append(True)

async def skip(session):
    await asyncio.sleep(0)
    pytest.skip("no extension")

async def cancel(session):
    await asyncio.sleep(0)
    raise asyncio.CancelledError("by the function itself")
"""


@pytest.mark.parametrize("tasks", [1, 4])
def test_outcomes_of_pytest_and_cancellations_end_a_gather(suite: Suite, tasks: int) -> None:
    """Forbids a gather that waits for ever for a task that pytest.skip() or cancel() ended."""
    suite.write(
        test_outcomes=OUTCOMES
        + f"""
def test_skips(async_benchmark):
    async_benchmark(skip, tasks={tasks}, session=session)

def test_is_cancelled(async_benchmark):
    with pytest.raises(asyncio.CancelledError, match="by the function itself"):
        async_benchmark(cancel, tasks={tasks}, session=session)
    assert len(closed) == 2 * {tasks}

async def test_skips_in_an_async_test(async_benchmark):
    await async_benchmark(skip, tasks={tasks}, session=session)
"""
    )
    result = suite.run("-oasyncio_mode=auto", "--timeout=20")
    result.assert_outcomes(passed=1, skipped=2)


INTERRUPTED = """
import asyncio
import os
import signal
from contextlib import asynccontextmanager

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it

@asynccontextmanager
async def session():
    try:
        yield
    finally:
        with open("closed", "a") as file:
            file.write("x")

async def ctrl_c(session):
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(60)

async def raises(session):
    await asyncio.sleep(0)
    raise KeyboardInterrupt
"""


@pytest.mark.parametrize("way", ["ctrl_c", "raises"])
@pytest.mark.parametrize("tasks", [1, 4])
@pytest.mark.parametrize("mode", ["plain", "awaited"])
def test_an_interrupt_closes_the_sessions(suite: Suite, way: str, tasks: int, mode: str) -> None:
    """Forbids a Ctrl-C that leaves sessions open, or that a test swallows."""
    call = f"async_benchmark({way}, tasks={tasks}, session=session)"
    test = f"async def test(async_benchmark):\n    await {call}"
    if mode == "plain":
        test = f"def test(async_benchmark):\n    {call}"
    suite.write(test_interrupted=f"{INTERRUPTED}\n{test}\n")
    result = suite.run("-oasyncio_mode=auto", "--timeout=20")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*KeyboardInterrupt*"])
    assert (suite.folder / "closed").read_text() == "x" * tasks


def test_a_second_use_is_refused(suite: Suite) -> None:
    """The refusal is pytest-benchmark's; the figures of the first use stay as they are."""
    suite.write(
        test_twice="""
import pytest
from pytest_benchmark.fixture import FixtureAlreadyUsed

async def nothing():
    pass

def test_twice(async_benchmark):
    async_benchmark(nothing, tasks=2)
    with pytest.raises(FixtureAlreadyUsed, match="can only be used once"):
        async_benchmark(nothing)
    with pytest.raises(FixtureAlreadyUsed, match="can only be used once"):
        async_benchmark.pedantic(nothing, tasks=3)
    assert async_benchmark.benchmark.extra_info == {"tasks": 2}
"""
    )
    suite.run().assert_outcomes(passed=1)


def test_mistakes_are_named(suite: Suite) -> None:
    """`test_arguments` has all mistakes; this test checks that the fixture reports them."""
    suite.write(
        test_mistakes="""
import pytest

def plain(*arguments):
    return 3

async def nothing(*arguments):
    pass

async def rows():
    yield 3

@pytest.mark.parametrize("tasks", [1, 2])
@pytest.mark.parametrize("call", ["__call__", "pedantic"])
def test_mistakes(async_benchmark, call, tasks):
    time = getattr(async_benchmark, call)
    with pytest.raises(TypeError, match="is a coroutine object, which runs once"):
        time(nothing(), tasks=tasks)
    with pytest.raises(TypeError, match="is an async generator function"):
        time(rows, tasks=tasks)
    with pytest.raises(TypeError, match="Pass what opens a session for each task"):
        time(nothing, tasks=tasks, session=3)
    with pytest.raises(TypeError, match="plain is no coroutine function: it returned int"):
        time(plain, tasks=tasks)
"""
    )
    suite.run().assert_outcomes(passed=4)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("weave", "async_benchmark has no weave, which times the calls of a function that other"),
        ("patch", "time the coroutine function that makes them, async_benchmark(function, ...)"),
        ("extra_info", "it is pytest-benchmark's, write async_benchmark.benchmark.extra_info"),
        ("absent", "async_benchmark has no absent"),
    ],
)
def test_what_only_the_other_fixture_has_is_named(
    name: str, words: str, async_benchmark: AsyncBenchmark
) -> None:
    """Defect: `async_benchmark.weave` was a bare AttributeError, and a group set here was lost."""
    with pytest.raises(AttributeError, match=re.escape(words)):
        getattr(async_benchmark, name)
    with pytest.raises(AttributeError, match=r"async_benchmark\.benchmark\.group"):
        async_benchmark.group = "mine"  # type: ignore[attr-defined]
    async_benchmark.pedantic(asyncio.sleep, args=(0,))
