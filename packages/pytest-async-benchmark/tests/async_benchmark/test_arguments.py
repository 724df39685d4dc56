"""Each kind of callable is timed or refused by name, before anything runs."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest
from async_benchmark.arguments import (
    as_coroutine_function,
    call_with_session,
    check_no_pedantic_option,
    check_session,
    check_tasks,
    coroutine_function,
)


async def three() -> int:
    return 3


async def rows() -> AsyncIterator[int]:
    yield 3


class Service:
    async def three(self) -> int:
        return 3

    @classmethod
    async def of_class(cls) -> int:
        return 3

    @staticmethod
    async def static() -> int:
        return 3

    async def __call__(self) -> int:
        return 3


class Rows:
    async def __call__(self) -> AsyncIterator[int]:
        yield 3


class Later:
    """An awaitable that the user has defined."""

    def __await__(self) -> Any:
        return three().__await__()


async def number_plus(number: int, more: int) -> int:
    return number + more


def value_of(awaitable: Awaitable[Any]) -> Any:
    """Run an awaitable that never suspends."""

    async def run() -> Any:
        return await awaitable

    coroutine = run()
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return stop.value.value


@pytest.mark.parametrize(
    "function",
    [
        three,
        functools.partial(number_plus, 1, 2),
        functools.partial(functools.partial(number_plus, 1), more=2),
        Service().three,
        Service.of_class,
        Service.static,
        Service(),
        functools.partial(Service()),
    ],
)
def test_coroutine_functions_of_every_kind_are_not_wrapped(function: Any) -> None:
    """Forbids a layer between the clock and a coroutine function."""
    assert coroutine_function(function) is function
    assert value_of(function()) == 3


@pytest.mark.parametrize("function", [lambda: three(), Later, lambda: Later()])
def test_a_callable_that_returns_an_awaitable_is_taken(function: Any) -> None:
    assert value_of(coroutine_function(function)()) == 3


def plain() -> int:
    return 3


@pytest.mark.parametrize("function", [plain, functools.partial(plain)])
def test_a_plain_function_is_named(function: Callable[[], int]) -> None:
    """Forbids "object int can't be used in 'await' expression"."""
    with pytest.raises(TypeError, match=r"^plain is no coroutine .* int, .* benchmark\(plain, "):
        value_of(coroutine_function(function)())


def test_a_coroutine_object_is_named() -> None:
    """Forbids "'coroutine' object is not callable", and the warning that it was never awaited."""
    with pytest.raises(TypeError, match=r"three\(...\) is a coroutine object.*\(three, ...\)"):
        coroutine_function(three())


def test_another_awaitable_is_named() -> None:
    with pytest.raises(TypeError, match="a Later can be awaited once: pass a coroutine function"):
        coroutine_function(Later())


@pytest.mark.parametrize("function", [rows, functools.partial(rows), Rows(), Rows().__call__])
def test_an_async_generator_function_is_named(function: Any) -> None:
    with pytest.raises(TypeError, match=r"is an async generator function.*with `async for`"):
        coroutine_function(function)


@pytest.mark.parametrize("value", [3, None, rows()])
def test_what_is_not_callable_is_named(value: object) -> None:
    with pytest.raises(TypeError, match="can't be called: pass a coroutine function"):
        coroutine_function(value)


@pytest.mark.parametrize(("tasks", "error"), [(0, ValueError), (-1, ValueError), ("4", TypeError)])
def test_the_number_of_tasks(tasks: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"tasks must be .* not {tasks!r}"):
        check_tasks(tasks)


def test_a_session_instead_of_a_factory_is_named() -> None:
    with pytest.raises(TypeError, match="Pass what opens a session for each task"):
        check_session(object())


async def open_session() -> object:
    return object()


@pytest.mark.parametrize("factory", [open_session, object])
def test_a_factory_of_the_wrong_kind_is_named(factory: Any) -> None:
    async def enter() -> None:
        async with call_with_session(three, factory):
            pass

    with pytest.raises(TypeError, match=rf"session={factory.__name__} made .* no async context"):
        enter().send(None)


async def takes_rounds(rounds: int) -> None: ...


async def takes_anything(**named: object) -> None: ...


@pytest.mark.parametrize("function", [takes_rounds, takes_anything, functools.partial(Service())])
def test_an_option_of_pedantic(function: Callable[..., Coroutine[Any, Any, Any]]) -> None:
    """An argument of the user's function may have the name of an option."""
    if isinstance(function, functools.partial):
        with pytest.raises(TypeError, match=r"passes rounds= on to .*pedantic\(.*, rounds=...\)"):
            check_no_pedantic_option(function, {"rounds": 3})
    else:
        check_no_pedantic_option(function, {"rounds": 3})


@pytest.mark.parametrize("function", [three, plain])
def test_setup_may_be_plain_or_async(function: Callable[[], Any]) -> None:
    assert value_of(as_coroutine_function(function)()) == 3
