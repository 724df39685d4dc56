"""Checks of the arguments of `async_benchmark`. An error says what to write instead."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from async_benchmark.bridge import CoroutineFunction

SessionFactory = Callable[[], AbstractAsyncContextManager[Any]]
"""Makes an async context manager, as `async_sessionmaker(engine)` or asyncpg's `pool.acquire`."""

OF_PEDANTIC = ("rounds", "iterations", "warmup_rounds", "setup", "teardown", "args", "kwargs")


def coroutine_function(function: Any) -> CoroutineFunction:
    """Return a function whose calls can be awaited.

    A coroutine function, a partial or a bound method of one, and an object with an async
    `__call__` are returned as they are. Another callable is wrapped: each call raises `TypeError`
    unless it returns an awaitable. Raises `TypeError` for what can't be one.
    """
    if inspect.isawaitable(function):
        raise TypeError(_not_a_call(function))
    if not callable(function):
        raise TypeError(f"{function!r} can't be called: pass a coroutine function to time")
    inner = _without_partial(function)
    if inspect.isasyncgenfunction(inner) or inspect.isasyncgenfunction(_call_of(inner)):
        raise TypeError(
            f"{name_of(function)} is an async generator function, which nothing can await: "
            f"time a coroutine function that reads it with `async for`"
        )
    if inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(_call_of(inner)):
        return function  # type: ignore[no-any-return]

    async def checked(*arguments: Any, **named: Any) -> Any:
        value = function(*arguments, **named)
        if not inspect.isawaitable(value):
            raise TypeError(
                f"{name_of(function)} is no coroutine function: it returned "
                f"{type(value).__name__}, which nothing can await. Time a plain function with "
                f"pytest-benchmark's own fixture: benchmark({name_of(function)}, ...)"
            )
        return await value

    return checked


def check_tasks(tasks: Any) -> None:
    """Raise `TypeError` for anything but an integer, `ValueError` for less than 1."""
    if not isinstance(tasks, int):
        raise TypeError(f"tasks must be an integer, the number of concurrent tasks, not {tasks!r}")
    if tasks < 1:
        raise ValueError(f"tasks must be at least 1, not {tasks}")


def check_session(session: Any) -> None:
    """Raise `TypeError` for anything but a callable, such as an open session, or None."""
    if session is not None and not callable(session):
        raise TypeError(
            f"session={session!r} can't be called. Pass what opens a session for each task, such "
            f"as async_sessionmaker(engine) or pool.acquire; a value for the function itself "
            f"is passed by position"
        )


def check_no_pedantic_option(function: Any, named: Collection[str]) -> None:
    """Raise `TypeError` if an option of `pedantic` is among arguments that the function refuses."""
    misplaced = [option for option in OF_PEDANTIC if option in named]
    if misplaced and not _takes(function, misplaced):
        options = ", ".join(f"{option}=..." for option in misplaced)
        raise TypeError(
            f"async_benchmark(...) passes {misplaced[0]}= on to {name_of(function)}, which doesn't "
            f"take it. For an option of pytest-benchmark's pedantic mode, write "
            f"async_benchmark.pedantic({name_of(function)}, {options})"
        )


@asynccontextmanager
async def call_with_session(
    function: CoroutineFunction, session: SessionFactory | None
) -> AsyncIterator[CoroutineFunction]:
    """Open a session and give the function with the session as first argument; then close it.

    Without a factory, give the function as it is. Raises `TypeError` if what the factory makes is
    no async context manager.
    """
    if session is None:
        yield function
        return
    opened: Any = session()
    if not hasattr(type(opened), "__aenter__"):
        if inspect.iscoroutine(opened):
            opened.close()
        raise TypeError(
            f"session={name_of(session)} made {type(opened).__name__}, which is no async context "
            f"manager: `async with` must work on what it makes"
        )
    async with opened as value:
        yield functools.partial(function, value)


def as_coroutine_function(function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a coroutine function for a plain one or a coroutine function: a setup or teardown."""

    async def call(*arguments: Any, **named: Any) -> Any:
        value = function(*arguments, **named)
        return await value if inspect.isawaitable(value) else value

    return call


def name_of(function: Any) -> str:
    """Return the name as its author writes it; the representation, if it has none."""
    inner = _without_partial(function)
    name: str = getattr(inner, "__qualname__", "") or repr(inner)
    return name.rpartition("<locals>.")[2]


def _not_a_call(awaitable: Any) -> str:
    """Return the message for a coroutine object or another awaitable; close a coroutine object."""
    if not inspect.iscoroutine(awaitable):
        kind = type(awaitable).__name__
        return f"a {kind} can be awaited once: pass a coroutine function to time, not a {kind}"
    awaitable.close()  # else Python warns that it was never awaited
    name = name_of(awaitable)
    return (
        f"{name}(...) is a coroutine object, which runs once: pass the function and its arguments, "
        f"async_benchmark({name}, ...), not async_benchmark({name}(...))"
    )


def _without_partial(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _call_of(function: Any) -> Any:
    """Return the `__call__` of an object's class; a class itself is called otherwise."""
    return None if inspect.isclass(function) else type(function).__call__


def _takes(function: Any, names: Collection[str]) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a function of an extension: let the call itself decide
        return True
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return True
    return all(
        name in parameters and parameters[name].kind is not inspect.Parameter.POSITIONAL_ONLY
        for name in names
    )
