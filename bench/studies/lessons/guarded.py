"""The guard of a lesson that runs with it. Only this module imports session_guard."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from session_guard import GuardedSession
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine


def guard(engine: "AsyncEngine | Engine") -> None:
    """Guard the engine, which finds uses that the guarded session cannot see."""
    from session_guard import guard_engine

    guard_engine(engine)


def session_options(on: bool) -> dict[str, Any]:
    """Return the keyword arguments for `async_sessionmaker`."""
    return {"sync_session_class": _session_class()} if on else {}


def sync_session_options(on: bool) -> dict[str, Any]:
    """Return the keyword arguments for `sessionmaker`."""
    return {"class_": _session_class()} if on else {}


def _session_class() -> type["GuardedSession"]:
    """Guard the lesson's instances and return the guarded session class.

    Instances of an unguarded session stay as they were.
    """
    from session_guard import GuardedSession, guard_instances

    from bench.studies.lessons.tables import Base

    guard_instances(Base)
    return GuardedSession


def violations(on: bool) -> list[str]:
    """Return the kinds of the violations that the guard has recorded since the last call."""
    if not on:
        return []
    from session_guard import violations

    return [violation.kind for violation in violations(clear=True)]


def is_late(kinds: list[str]) -> bool:
    """Return whether the lender's use passed, and only the borrower's next one was refused."""
    return set(kinds) == {"loan taken back"}
