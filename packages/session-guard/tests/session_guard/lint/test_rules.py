"""The place of each report: the line at which a session is shared."""

from textwrap import dedent

import pytest
from session_guard.lint import check

WRONG = {
    "gather of methods": """
        async def f(session: AsyncSession):
            await asyncio.gather(session.execute(a), session.execute(b))  # SG001
        """,
    "gather of a generator": """
        async def f(db: AsyncSession):
            await asyncio.gather(*(load(n, db=db) for n in names))  # SG001
        """,
    "gather of a list": """
        async def f():
            async with async_session_maker() as session:
                tasks = [load(session, n) for n in names]  # SG001
                await asyncio.gather(*tasks, return_exceptions=True)
        """,
    "gather of closures": """
        async def f():
            async with Maker() as session:
                async def a():
                    await session.execute(x)

                async def b():
                    await session.execute(y)

                await asyncio.gather(
                    a(),
                    b(),  # SG001
                )

        Maker = async_sessionmaker(engine)
        """,
    "a task group": """
        import sqlalchemy

        async def f(session):
            async with asyncio.TaskGroup() as group:
                group.create_task(load(session, 1))
                group.create_task(load(session, 2))  # SG001
        """,
    "tasks in a loop": """
        async def f():
            async with engine.connect() as connection:
                for n in names:
                    asyncio.create_task(load(connection, n))  # SG001
        """,
    "anyio": """
        async def f(session: Annotated[AsyncSession, Depends(get_session)]):
            async with anyio.create_task_group() as group:
                for n in names:
                    group.start_soon(load, session, n)  # SG001
        """,
    "an engine for each request": """
        async def get_customers():
            engine = create_async_engine(url)  # SG002
            async with AsyncSession(engine) as session:
                return await session.scalars(statement)
        """,
    "an engine for each call of a maker": """
        def async_session_maker():
            return async_sessionmaker(sqlalchemy.ext.asyncio.create_async_engine(url))  # SG002

        async def get_customers():
            async with async_session_maker()() as session:
                return await session.scalars(statement)
        """,
    "a session of the module": """
        session = AsyncSession(engine)  # SG003
        """,
    "a session of the module, from its maker": """
        Maker = async_sessionmaker(engine)
        db: AsyncSession = Maker()  # SG003
        """,
}

RIGHT = {
    "a session for each task": """
        async def f(n):
            async with maker() as session:
                await session.execute(n)

        async def g():
            await asyncio.gather(*(f(n) for n in names))
        """,
    "a session for each turn of the loop": """
        async def f():
            await asyncio.gather(*(load(session) for session in sessions))
        """,
    "one after another": """
        async def f(session: AsyncSession):
            for n in names:
                await load(session, n)
        """,
    "one task": """
        async def f(session: AsyncSession):
            await asyncio.gather(load(session), asyncio.sleep(1))
        """,
    "another kind of session": """
        async def f():
            async with aiohttp.ClientSession() as session:
                await asyncio.gather(*(session.get(url) for url in urls))

        async def g(session: aiohttp.ClientSession):
            await asyncio.gather(*(session.get(url) for url in urls))
        """,
    "an engine of the application": """
        engine = create_async_engine(url)
        Maker = async_sessionmaker(engine)
        scoped = async_scoped_session(Maker, scopefunc=asyncio.current_task)

        @asynccontextmanager
        async def lifespan(app):
            engine = create_async_engine(url)
            yield
            await engine.dispose()

        @lru_cache
        def get_engine():
            return create_async_engine(url)

        async def main():
            engine = create_async_engine(url)
            await use(engine, get_engine())
        """,
    "a permission": """
        session = AsyncSession(engine)  # noqa: SG003
        other = AsyncSession(engine)  # noqa
        """,
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_at_its_line(name: str) -> None:
    source = dedent(WRONG[name])
    marked = [
        (number, line.partition("# ")[2])
        for number, line in enumerate(source.splitlines(), 1)
        if "# SG" in line
    ]
    assert [(found.line, found.rule) for found in check(source)] == marked


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_left_alone(name: str) -> None:
    assert check(dedent(RIGHT[name])) == []
