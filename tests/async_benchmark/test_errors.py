"""What goes wrong under `async_benchmark` is told by its reason."""

import pytest

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
