"""Mistakes with lifetimes: task groups, background tasks, and scopes that are not the task."""

from asyncio import TaskGroup, create_task, current_task, gather

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, TaskResults
from bench.studies.lessons.tables import Line, Order

_NAMES = ("A", "B", "C", "D", "E")


class InATaskGroup(Mistake):
    name = "task-group"
    title = "TaskGroup instead of gather, on one session"
    guess = "the same as with gather: some orders, some errors"
    reason = (
        "The first task that fails ends the group. The group cancels the other tasks, at the "
        "await that they have reached. A cancelled commit may or may not have reached the "
        "server."
    )
    cure = "Open a session in each task of the group."
    tasks = 5

    async def wrong(self, shop: Fixture) -> TaskResults:
        told: list[str] = []
        async with shop.sessions() as session, TaskGroup() as group:

            async def buy(name: str) -> None:
                session.add(Order(name=name))
                await session.commit()
                told.append(name)

            for name in _NAMES:
                group.create_task(buy(name))
        return told

    async def right(self, shop: Fixture) -> TaskResults:
        told: list[str] = []

        async def buy(name: str) -> None:
            async with shop.sessions() as session:
                session.add(Order(name=name))
                await session.commit()
                told.append(name)

        async with TaskGroup() as group:
            for name in _NAMES:
                group.create_task(buy(name))
        return told


class NeighbourFails(Mistake):
    name = "neighbour-fails"
    title = "a handler fails and rolls back, as it should, but the session is shared"
    guess = "A's order is saved: only B has failed"
    reason = (
        "A rollback in `except` is right, and it undoes the session's transaction. A's order is "
        "in this transaction, and A gets no exception."
    )
    cure = (
        "Use `async with shop.sessions.begin()` in each task: it commits or rolls back that task "
        "alone."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def a() -> str:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.commit()
                return "A"

            async def b() -> None:
                async with shop.meanwhile():
                    try:
                        session.add(Line(order_id=0, item="of no order"))
                        await session.flush()
                    except IntegrityError:
                        await session.rollback()

            return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def a() -> str:
            async with shop.sessions() as session:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.commit()
                return "A"

        async def b() -> None:
            async with shop.meanwhile(), shop.sessions() as session:
                try:
                    session.add(Line(order_id=0, item="of no order"))
                    await session.flush()
                except IntegrityError:
                    await session.rollback()

        return await gather(a(), b(), return_exceptions=True)


class BackgroundTask(Mistake):
    name = "background-task"
    title = "a request passes its session to a background task that outlives the request"
    guess = "the order is saved: the background task committed it, and logged it as done"
    reason = (
        "The end of the request closes the session while the task uses it, and the session drops "
        "what was added. A closed session opens again by itself. So the task commits nothing, "
        "and gets no exception."
    )
    cure = (
        "Give the background task the key, not the session. The task then opens a session of its "
        "own."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
        async def in_background(session: AsyncSession) -> str:
            session.add(Order(name="A"))
            await session.flush()
            await shop.think()
            await session.commit()
            return "A"

        async with shop.sessions() as session:
            task = create_task(in_background(session))
            await shop.until_a_thinks()  # the request answers its user meanwhile
        shop.b_has_left()
        return await gather(task, return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def in_background() -> str:
            async with shop.sessions() as session:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.commit()
                return "A"

        async with shop.sessions():
            task = create_task(in_background())
            await shop.until_a_thinks()
        shop.b_has_left()
        return await gather(task, return_exceptions=True)


class ScopedToTheRequest(Mistake):
    name = "scoped-to-the-request"
    title = "an async_scoped_session whose scope is the request, not the task"
    guess = "A's order is saved: the registry gives each task a session"
    reason = (
        "The registry gives one session to all callers for which `scopefunc` returns the same "
        "value. Two tasks of one request get the same value. So they share one session, and the "
        "code hides it."
    )
    cure = (
        "Use `scopefunc=current_task`, and call `remove()` at the end of each task. Or use no "
        "registry."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
        session = async_scoped_session(shop.sessions, scopefunc=lambda: "request 7")

        async def a() -> str:
            session.add(Order(name="A"))
            await session.flush()
            await shop.think()
            await session.commit()
            return "A"

        async def b() -> None:
            async with shop.meanwhile():
                await session.rollback()

        told = await gather(a(), b(), return_exceptions=True)
        await session.remove()
        return told

    async def right(self, shop: Fixture) -> TaskResults:
        session = async_scoped_session(shop.sessions, scopefunc=current_task)

        async def a() -> str:
            session.add(Order(name="A"))
            await session.flush()
            await shop.think()
            await session.commit()
            await session.remove()
            return "A"

        async def b() -> None:
            async with shop.meanwhile():
                await session.rollback()
                await session.remove()

        return await gather(a(), b(), return_exceptions=True)


MISTAKES = (InATaskGroup(), NeighbourFails(), BackgroundTask(), ScopedToTheRequest())
