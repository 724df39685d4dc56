"""The guard of methods of other session classes that are mixed with the guarded one."""

from collections.abc import Callable
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from threading import get_ident
from types import CodeType, FunctionType
from typing import Any

from sqlalchemy.orm import Session

from session_guard.actors import current, task_of


def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method with a check that the caller owns the session."""
    name = method.__name__

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        ownership = self.ownership
        # `enter` and `leave` of the ownership, written out for its user.
        loop = ownership.loop
        me = (get_ident() == loop._thread_id and task_of(loop)) or current()
        runner = ownership.runner
        if runner is me:
            # A part of the operation in flight, mostly `flush()` or `expunge_all()`.
            return method(self, *args, **kwargs) if args or kwargs else method(self)
        if runner is None and ownership.user is me:
            ownership.runner = me
            ownership.operation = name
            if not ownership.since:
                ownership.since = name
        elif not ownership.enter_as(me, name, self):
            return method(self, *args, **kwargs)
        try:
            return method(self, *args, **kwargs)
        finally:
            if ownership.pending is None:
                ownership.runner = None
            else:
                ownership.finish()

    return call


def unguarded_methods(
    cls: type[Session], guarded_session: type[Session]
) -> dict[str, Callable[..., Any]]:
    """Return the methods of a new guarded class that would bypass the guard.

    They come from classes that are mixed with the guarded one. If such a class comes after the
    guarded one in the order of bases, the guarded method hides its override, and `super()` in its
    methods finds the unguarded method.
    """
    guarded_names = {name for name in vars(guarded_session) if name in vars(Session)}
    guarded_class_names = {
        name for base in cls.__mro__ if issubclass(base, guarded_session) for name in vars(base)
    }
    unguarded: dict[str, Callable[..., Any]] = {}
    order = cls.__mro__
    behind = order[order.index(guarded_session) + 1 :]
    for base in behind:
        if base in (Session, object) or base in Session.__mro__:
            continue
        names = _users_of_the_session(base, guarded_names)
        for name in names:
            if name in unguarded or (name in guarded_class_names and name not in guarded_names):
                continue
            if any(name in vars(other) for other in order[: order.index(guarded_session)]):
                continue  # a class before the guarded one overrides it
            unguarded[name] = vars(base)[name]
    return unguarded


def _users_of_the_session(base: type, guarded_names: set[str]) -> set[str]:
    """Return the names of the methods that override a guarded method, or call one."""
    functions = {
        name: value
        for name, value in vars(base).items()
        if isinstance(value, FunctionType)
        and not name.startswith("__")
        and not isgeneratorfunction(value)
        and not iscoroutinefunction(value)
        and not isasyncgenfunction(value)
    }
    users = {name for name in functions if name in guarded_names}
    while True:
        more = {
            name
            for name, function in functions.items()
            if name not in users and _names(function.__code__) & (guarded_names | users)
        }
        if not more:
            return users
        users |= more


def _names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*map(_names, inner))
