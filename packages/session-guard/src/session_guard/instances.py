"""Guard mapped instances: what another task sets on them, the session's transaction would carry.

Apart from GuardedSession, and asked for by name, since it costs every attribute that is set.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Mapper, QueryableAttribute, object_session, registry

from session_guard.session import GuardedSession


def guard_instances(mapped: type[DeclarativeBase] | registry) -> None:
    """Raise SharedSessionError, before the change, for an instance in another task's transaction.

    For every class that is mapped by now on this base or registry, and instances in a
    GuardedSession. Twice is once.
    """
    classes = mapped if isinstance(mapped, registry) else mapped.registry
    classes.configure()
    for mapper in classes.mappers:
        guard_mapper(mapper, changed)


def guard_mapper(mapper: Mapper[Any], hear: Callable[..., None]) -> None:
    """Have `hear` hear of every change of an instance. Loading one from a row is no change."""
    for attribute, change in _changes(mapper):
        if not event.contains(attribute, change, hear):
            event.listen(attribute, change, hear)


def unguard_mapper(mapper: Mapper[Any], hear: Callable[..., None]) -> None:
    for attribute, change in _changes(mapper):
        if event.contains(attribute, change, hear):
            event.remove(attribute, change, hear)


def changed(instance: object, *_: Any) -> None:
    """Raise where the running task may not change it."""
    session = object_session(instance)
    if isinstance(session, GuardedSession):
        session.ownership.check("change of an instance", session)


_OF_MANY = "append", "remove"
_OF_ONE = "set", "remove", "modified"
"""Also `del`, and what `flag_modified` or a `Mutable` tells of."""


def _changes(mapper: Mapper[Any]) -> Iterator[tuple[QueryableAttribute[Any], str]]:
    """Each attribute, with each of the events that tell of its change."""
    many = {each.key for each in mapper.relationships if each.uselist}
    for mapped in (*mapper.column_attrs, *mapper.relationships):
        attribute = getattr(mapper.class_, mapped.key, None)
        # None for what only the mapper has, as a `polymorphic_on` that is an expression.
        if isinstance(attribute, QueryableAttribute):
            for change in _OF_MANY if mapped.key in many else _OF_ONE:
                yield attribute, change
