"""Instances of any mapped class after `guard_everything`. No database is used."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from session_guard import (
    GuardedSession,
    SharedSessionError,
    guard_engine,
    guard_instances,
    violations,
)
from session_guard.engine import is_guarded_engine, unguard_engine
from session_guard.install import guard_everything, unguard_everything
from sqlalchemy import Engine, ForeignKey, case
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    backref,
    configure_mappers,
    mapped_column,
    relationship,
)


@pytest.fixture
def base() -> Iterator[type[DeclarativeBase]]:
    class Base(DeclarativeBase):
        pass

    yield Base
    Base.registry.dispose()
    violations(clear=True)


@pytest.fixture(autouse=True)
def _guarded(base: object) -> Iterator[None]:
    guard_everything()
    guard_everything()
    yield
    unguard_everything()


def is_refused(instance: object, change: Callable[[], None], session: Session) -> bool:
    """Return whether a change is refused while a sibling task has the instance in a session."""

    async def scenario() -> bool:
        ready, done = asyncio.Event(), asyncio.Event()

        async def adds() -> None:
            session.add(instance)
            ready.set()
            await done.wait()

        async def changes() -> bool:
            await ready.wait()
            try:
                change()
            except SharedSessionError:
                return True
            finally:
                done.set()
            return False

        return (await asyncio.gather(adds(), changes()))[1]

    return asyncio.run(scenario())


def test_a_class_is_guarded_whenever_it_is_mapped(base: type[DeclarativeBase]) -> None:
    """Forbids that only the classes of the first configuration of mappers are guarded."""

    class Early(base):  # type: ignore[misc, valid-type]
        __tablename__ = "early"
        id: Mapped[int] = mapped_column(primary_key=True)

    configure_mappers()

    class Late(Early):
        __tablename__ = "late"
        id: Mapped[int] = mapped_column(ForeignKey("early.id"), primary_key=True)

    for kind in (Early, Late):
        instance = kind(id=1)
        assert is_refused(instance, lambda of=instance: setattr(of, "id", 2), Session())  # type: ignore[misc]
        assert instance.id == 1


def test_a_backref_is_guarded_on_a_class_that_was_configured_before(
    base: type[DeclarativeBase],
) -> None:
    """Forbids that an attribute made by the configuration of another class is left unguarded."""

    class Shelf(base):  # type: ignore[misc, valid-type]
        __tablename__ = "shelf"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Cupboard(Shelf):
        pass

    configure_mappers()

    class Book(base):  # type: ignore[misc, valid-type]
        __tablename__ = "book"
        id: Mapped[int] = mapped_column(primary_key=True)
        shelf_id: Mapped[int | None] = mapped_column(ForeignKey("shelf.id"))
        # No cascade, so that no other event announces the change.
        shelf: Mapped[Shelf] = relationship(backref=backref("books", cascade=""))

    configure_mappers()
    for kind in (Shelf, Cupboard):
        shelf, book = kind(), Book()
        append = shelf.books.append
        assert is_refused(shelf, lambda: append(book), Session())  # noqa: B023
        assert shelf.books == []


def test_what_only_the_mapper_has_is_left_alone(base: type[DeclarativeBase]) -> None:
    """Forbids that a mapping fails because the guard expects an attribute for each column."""

    class Animal(base):  # type: ignore[misc, valid-type]
        __tablename__ = "animal"
        id: Mapped[int] = mapped_column(primary_key=True)
        legs: Mapped[int] = mapped_column()
        __mapper_args__ = {"polymorphic_on": case((legs == 2, "bird"), else_="animal")}

    configure_mappers()
    animal = Animal(legs=4)
    assert is_refused(animal, lambda: setattr(animal, "legs", 2), Session())


def test_it_is_taken_back(base: type[DeclarativeBase]) -> None:
    """Forbids a listener that stays after `unguard_everything`."""

    class Note(base):  # type: ignore[misc, valid-type]
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True)

    configure_mappers()
    unguard_everything()
    unguard_everything()

    class Later(base):  # type: ignore[misc, valid-type]
        __tablename__ = "later"
        id: Mapped[int] = mapped_column(primary_key=True)

    for kind in (Note, Later):
        instance = kind(id=1)
        change = lambda of=instance: setattr(of, "id", 2)  # noqa: E731
        assert not is_refused(instance, change, GuardedSession())  # type: ignore[arg-type]


def test_engines_that_the_application_guards_stay_guarded(base: type[DeclarativeBase]) -> None:
    """Forbids that an engine that the application has guarded keeps other engines unguarded, or is
    itself unguarded afterwards."""

    class Note(base):  # type: ignore[misc, valid-type]
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True)

    unguard_everything()
    guard_engine(Engine, strict=True)
    try:
        guard_everything()
        configure_mappers()
        note = Note(id=1)
        assert is_refused(note, lambda: setattr(note, "id", 2), Session())
        unguard_everything()
        assert is_guarded_engine(Engine)
    finally:
        unguard_engine(Engine, strict=True)


def test_what_the_application_asked_for_stays(base: type[DeclarativeBase]) -> None:
    """Forbids that `unguard_everything` ends a `guard_instances` of the application."""

    class Note(base):  # type: ignore[misc, valid-type]
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True)

    configure_mappers()
    guard_instances(base)
    unguard_everything()
    note = Note(id=1)
    assert is_refused(note, lambda: setattr(note, "id", 2), GuardedSession())
