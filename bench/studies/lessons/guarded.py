"""The guard, where a lesson is run with it: the only place that knows session_guard."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from session_guard import GuardedSession
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine


def guard(engine: "AsyncEngine | Engine") -> None:
    """The second net, at the engine."""
    from session_guard import guard_engine

    guard_engine(engine)


def session_options(on: bool) -> dict[str, Any]:
    """What `async_sessionmaker` is to be given."""
    return {"sync_session_class": _session_class()} if on else {}


def sync_session_options(on: bool) -> dict[str, Any]:
    """What `sessionmaker` is to be given."""
    return {"class_": _session_class()} if on else {}


def _session_class() -> type["GuardedSession"]:
    """With it the lesson's instances: those of an unguarded session stay as they were."""
    from session_guard import GuardedSession, guard_instances

    from bench.studies.lessons.tables import Base

    guard_instances(Base)
    return GuardedSession


def violations(on: bool) -> list[str]:
    """Return the kinds of what the guard has recorded since this was last asked."""
    if not on:
        return []
    from session_guard import violations

    return [found.kind for found in violations(clear=True)]


def is_late(kinds: list[str]) -> bool:
    """Return whether the lender's use passed, and only the borrower's next one was refused."""
    return set(kinds) == {"loan taken back"}
