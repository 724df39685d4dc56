"""The hand-over of a session or connection to another task or thread."""

from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

from session_guard.engine import ownership_of
from session_guard.session import GuardedSession

Shareable = (
    Session
    | AsyncSession
    | Connection
    | AsyncConnection
    | scoped_session[Any]
    | async_scoped_session[Any]
)


def hand_over(shared: Shareable) -> None:
    """Let the task or thread that uses the session or connection next be its owner.

    Its present owner calls this. An unguarded session or connection stays as it is. Raises
    SharedSessionError if another task or thread owns it, and TypeError for anything that is neither
    a session nor a connection.
    """
    resource: Any = shared
    if isinstance(resource, scoped_session | async_scoped_session):
        resource = resource.registry()
    if isinstance(resource, AsyncSession):
        resource = resource.sync_session
    elif isinstance(resource, AsyncConnection):
        resource = resource.sync_connection
    if isinstance(resource, GuardedSession):
        resource.ownership.hand_over(resource)
        for connection in resource.connections_in_use:
            _hand_over(connection)
    elif isinstance(resource, Connection):
        _hand_over(resource)
    elif not isinstance(resource, Session):
        raise TypeError(f"hand_over() takes a session or a connection, not {shared!r}")


def _hand_over(connection: Connection) -> None:
    if ownership := ownership_of(connection):
        ownership.hand_over(connection)
