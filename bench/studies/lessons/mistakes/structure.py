"""Who outlives whom: task groups, background tasks, scopes that are not the task."""

from asyncio import TaskGroup, create_task, current_task, gather

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Told
from bench.studies.lessons.tables import Line, Order

_NAMES = ("A", "B", "C", "D", "E")


class InATaskGroup(Mistake):
    name = "task-group"
    title = "TaskGroup instead of gather, on one session"
    guess = "as with gather: some orders, some errors"
    reason = (
        "The first to fail ends the group: the others are cancelled, at whatever await they stand. "
        "A cancelled commit may or may not have reached the server."
    )
    cure = "A session for each task of the group, opened within it."
    tasks = 5

    async def wrong(self, shop: Fixture) -> Told:
        told: list[str] = []
        async with shop.sessions() as session, TaskGroup() as group:

            async def buy(name: str) -> None:
                session.add(Order(name=name))
                await session.commit()
                told.append(name)

            for name in _NAMES:
                group.create_task(buy(name))
        return told

    async def right(self, shop: Fixture) -> Told:
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
    title = "one handler's exception rolls back, as it should; on everybody's session"
    guess = "A's order: only B has failed"
    reason = (
        "Rolling back in `except` is right, and undoes the session's transaction. A's order is in "
        "it, and A hears of nothing."
    )
    cure = "`async with shop.sessions.begin()` in each task commits or rolls back that task alone."

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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
    title = "a request's session, handed to a background task that outlives it"
    guess = "the order: the background task has committed, and logged it as done"
    reason = (
        "The request's end closes the session under the task: what was added is forgotten. A "
        "closed session opens itself again, and the task commits nothing, and never learns of it."
    )
    cure = "Give the background task the key, not the session: it opens a session of its own."

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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
    title = "async_scoped_session whose scope is the request, not the task"
    guess = "A's order: the registry keeps sessions apart"
    reason = (
        "The registry gives one session to all who answer `scopefunc` alike. Two tasks of one "
        "request answer alike, so that it is one session, well hidden."
    )
    cure = "`scopefunc=current_task`, and `remove()` at each task's end; or no registry."

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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
