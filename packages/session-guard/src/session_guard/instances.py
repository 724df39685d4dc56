"""The guard of mapped instances: the next flush of a session saves what another task has set.

It is separate from GuardedSession, and on request, because it adds a cost to every attribute that
is set.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Mapper, QueryableAttribute, object_session, registry

from session_guard.session import GuardedSession


def guard_instances(mapped: type[DeclarativeBase] | registry) -> None:
    """Raise SharedSessionError, before the change, for an instance in another task's transaction.

    It guards instances in a GuardedSession, of every class that is mapped so far on this base or
    registry. A second call has no effect.
    """
    classes = mapped if isinstance(mapped, registry) else mapped.registry
    classes.configure()
    for mapper in classes.mappers:
        guard_mapper(mapper, changed)


def guard_mapper(mapper: Mapper[Any], listener: Callable[..., None]) -> None:
    """Call `listener` at every change of an instance. Loading one from a row is no change."""
    for attribute, change in _changes(mapper):
        if not event.contains(attribute, change, listener):
            event.listen(attribute, change, listener)


def unguard_mapper(mapper: Mapper[Any], listener: Callable[..., None]) -> None:
    for attribute, change in _changes(mapper):
        if event.contains(attribute, change, listener):
            event.remove(attribute, change, listener)


def changed(instance: object, *_: Any) -> None:
    """Raise SharedSessionError if the running task may not change the instance."""
    session = object_session(instance)
    if isinstance(session, GuardedSession):
        session.ownership.check("change of an instance", session)


_OF_MANY = "append", "remove"
_OF_ONE = "set", "remove", "modified"
"""The events of a single value. They include `del`, `flag_modified` and changes of a `Mutable`."""


def _changes(mapper: Mapper[Any]) -> Iterator[tuple[QueryableAttribute[Any], str]]:
    """Yield each attribute with each of the events for its change."""
    many = {relationship.key for relationship in mapper.relationships if relationship.uselist}
    for mapped in (*mapper.column_attrs, *mapper.relationships):
        attribute = getattr(mapper.class_, mapped.key, None)
        # None if only the mapper has it, as for a `polymorphic_on` that is an expression.
        if isinstance(attribute, QueryableAttribute):
            for change in _OF_MANY if mapped.key in many else _OF_ONE:
                yield attribute, change
