"""Pass a session or connection on by name."""

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
    """Give it to whichever task or thread uses it next; called by the one that has it.

    An unguarded session or connection is left as it is. Raises SharedSessionError where another
    has it, and TypeError for what is neither a session nor a connection.
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
