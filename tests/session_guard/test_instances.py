"""Instances that a session holds, and others change."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from session_guard import SharedSessionError, guard_instances, violations
from tests.session_guard.conftest import Desk, Note, Run


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    __tablename__ = "shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    books: Mapped[list["Book"]] = relationship(back_populates="shelf")


class Book(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))
    shelf: Mapped[Shelf] = relationship(back_populates="books")


@pytest.fixture(autouse=True)
def _guarded() -> None:
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
    """Else it would be in the first task's commit."""

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
    """Those of a new instance, in a transaction, before one, and by a child that it is lent to."""

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
    "set": lambda _, book: setattr(book, "shelf", Shelf()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_relationships_are_instances_too(desk: Desk, run: Run, change: str) -> None:
    async def scenario() -> None:
        async with desk.maker() as maker, maker() as session:
            shelf, book = Shelf(), Book(text="a")
            shelf.books.append(book)
            ready, done = asyncio.Event(), asyncio.Event()

            async def first() -> None:
                session.add(shelf)
                ready.set()
                await done.wait()
                await session.rollback()

            async def second() -> None:
                await ready.wait()
                with pytest.raises(SharedSessionError):
                    CHANGES[change](shelf, book)
                done.set()

            await asyncio.gather(first(), second())

    run(scenario())
