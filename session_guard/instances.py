"""Guard mapped instances: what another task sets on them, the session's transaction would carry.

Apart from GuardedSession, and asked for by name, since it costs every attribute that is set.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, object_session, registry

from session_guard.session import GuardedSession


def guard_instances(mapped: type[DeclarativeBase] | registry) -> None:
    """Raise SharedSessionError, before the change, for an instance in another task's transaction.

    For every class that is mapped by now on this base or registry, and instances in a
    GuardedSession. Twice is once.
    """
    classes = mapped if isinstance(mapped, registry) else mapped.registry
    classes.configure()
    for mapper in classes.mappers:
        for column in mapper.column_attrs:
            _listen(getattr(mapper.class_, column.key), "set")
        for relationship in mapper.relationships:
            attribute = getattr(mapper.class_, relationship.key)
            for change in ("append", "remove") if relationship.uselist else ("set",):
                _listen(attribute, change)


def _listen(attribute: Any, change: str) -> None:
    if not event.contains(attribute, change, _changed):
        event.listen(attribute, change, _changed)


def _changed(instance: object, *_: Any) -> None:
    session = object_session(instance)
    if isinstance(session, GuardedSession):
        session.custody.check("change of an instance", session)
