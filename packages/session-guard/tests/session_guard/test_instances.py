"""Instances in the session of one task that another task changes."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from session_guard import GuardedSession, SharedSessionError, guard_instances, violations
from session_guard.instances import guard_mapper, unguard_mapper
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.orm.attributes import flag_modified
from tests.session_guard.conftest import Desk, Note, Run


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    __tablename__ = "shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    books: Mapped[list["Book"]] = relationship(back_populates="shelf")
    # No back reference and no cascade: only the attribute itself has an event.
    labels: Mapped[list["Label"]] = relationship(cascade="")


class Label(Base):
    __tablename__ = "label"
    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))


class Book(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))
    shelf: Mapped[Shelf] = relationship(back_populates="books")


@pytest.fixture(autouse=True)
def _guarded() -> None:
    violations(clear=True)
    guard_instances(Note.registry)
    guard_instances(Base)
    guard_instances(Base)


@pytest.fixture
def silent(desk: Desk) -> Iterator[None]:
    yield
    assert violations() == ()


def change_text(note: Note) -> None:
    note.text = "changed"


def test_another_tasks_change_is_refused(desk: Desk, run: Run) -> None:
    """Forbids that another task's change is in the first task's commit."""

    async def scenario() -> list[Any]:
        async with desk.maker() as maker, maker() as session:
            note, ready, done = Note(text="a"), asyncio.Event(), asyncio.Event()

            async def first() -> None:
                session.add(note)
                await session.flush()
                ready.set()
                await done.wait()
                await session.commit()

            async def second() -> None:
                await ready.wait()
                try:
                    change_text(note)
                finally:
                    done.set()

            return await asyncio.gather(first(), second(), return_exceptions=True)

    mine, others = run(scenario())
    assert mine is None
    assert isinstance(others, SharedSessionError)
    assert others.violation.operation == "change of an instance"
    assert desk.texts == ["a"]


@pytest.mark.usefixtures("silent")
def test_ones_own_changes_pass(desk: Desk, run: Run) -> None:
    """Changes of a new instance, in and before a transaction, and by a borrower are allowed."""

    async def child(note: Note) -> None:
        change_text(note)

    async def scenario() -> None:
        async with desk.maker(expire_on_commit=False) as maker, maker() as session:
            note = Note(text="a")
            session.add(note)
            note.text = "b"
            await session.commit()
            note.text = "c"
            await asyncio.create_task(child(note))
            await session.commit()
        note.text = "detached"

    run(scenario())
    assert desk.texts == ["changed"]


CHANGES: dict[str, Callable[[Shelf, Book], None]] = {
    "append": lambda shelf, _: shelf.books.append(Book(text="b")),
    "remove": lambda shelf, book: shelf.books.remove(book),
    "append a label": lambda shelf, _: shelf.labels.append(Label()),
    "remove a label": lambda shelf, _: shelf.labels.remove(shelf.labels[0]),
    "set": lambda _, book: setattr(book, "shelf", Shelf()),
    "set to another's": lambda shelf, _: Book(text="b", shelf=shelf) and None,
    "del": lambda _, book: delattr(book, "text"),
    "flag_modified": lambda _, book: flag_modified(book, "text"),
}


def refused_to_another(
    run: Run, session: GuardedSession, first: object, change: Callable[[], None]
) -> None:
    """One task adds an instance and waits; a change by its sibling is refused."""

    async def scenario() -> None:
        ready, done = asyncio.Event(), asyncio.Event()

        async def adds() -> None:
            session.add(first)
            ready.set()
            await done.wait()

        async def changes() -> None:
            await ready.wait()
            try:
                with pytest.raises(SharedSessionError):
                    change()
            finally:
                done.set()

        await asyncio.gather(adds(), changes())

    run(scenario())


@pytest.mark.parametrize("change", CHANGES)
def test_relationships_are_instances_too(run: Run, change: str) -> None:
    """Forbids a change without an event, and a change that is refused but made nevertheless: the
    objects that an append cascades into the session would be in the first task's commit."""
    label, book, session = Label(), Book(text="a"), GuardedSession()
    shelf = Shelf(books=[book], labels=[label])
    refused_to_another(run, session, shelf, lambda: CHANGES[change](shelf, book))
    assert set(session.new) == {shelf, book}
    assert (shelf.books, shelf.labels) == ([book], [label])
    assert (book.shelf, book.text) == (shelf, "a")


class Unguarded(DeclarativeBase):
    pass


class Bag(Unguarded):
    __tablename__ = "bag"
    id: Mapped[int] = mapped_column(primary_key=True)
    things: Mapped[list["Thing"]] = relationship()


class Thing(Unguarded):
    __tablename__ = "thing"
    id: Mapped[int] = mapped_column(primary_key=True)
    bag_id: Mapped[int] = mapped_column(ForeignKey("bag.id"))


def test_a_cascade_into_the_session_is_an_add(run: Run) -> None:
    """Forbids that a session takes an object that another task appends to a collection of one of
    its instances. The task does not call the session, and instances are not guarded."""
    bag, session = Bag(), GuardedSession()
    refused_to_another(run, session, bag, lambda: bag.things.append(Thing()))
    assert list(session.new) == [bag]
    assert bag.things == []
    assert [each.operation for each in violations()] == ["add"]


def test_to_load_rows_is_no_change(desk: Desk) -> None:
    """Forbids that loading rows counts as a change: it would cost as much, and be refused."""
    heard: list[object] = []

    def hear(instance: object, *_: Any) -> None:
        heard.append(instance)

    guard_mapper(Note.__mapper__, hear)
    engine = desk.sync_engine()
    with GuardedSession(engine) as session:
        session.add_all([Note(text="a"), Note(text="b")])
        session.commit()
        heard.clear()
        first, _ = session.scalars(select(Note).order_by(Note.text))
        session.refresh(first)
        session.scalars(select(Note).execution_options(populate_existing=True)).all()
        assert heard == []
        change_text(first)
        assert heard == [first]
        unguard_mapper(Note.__mapper__, hear)
        change_text(first)
        assert heard == [first]
    engine.dispose()
