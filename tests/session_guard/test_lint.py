"""The static check: what it finds, what it leaves alone, and how it is run."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from session_guard.lint import check
from tests.root import ROOT

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


def test_a_permission_is_for_its_rule_alone() -> None:
    assert [found.rule for found in check("s = AsyncSession(e)  # noqa: E501\n")] == ["SG003"]


def run(*paths: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "session_guard", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_walks_a_folder(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "db.py").write_text("session = AsyncSession(engine)\n")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "library.py").write_text("session = AsyncSession(engine)\n")
    result = run(tmp_path)
    assert result.returncode == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{tmp_path / 'app' / 'db.py'}:1:1: SG003 'session' ")
    assert "open one in each task" in line


def test_it_is_content(tmp_path: Path) -> None:
    (tmp_path / "db.py").write_text("Maker = async_sessionmaker(engine)\n")
    result = run(tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("content", ["def f(:\n", "x = '\0'\n"])
def test_what_is_not_python_stops_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.py").write_text(content)
    (tmp_path / "b.py").write_text("session = AsyncSession(engine)\n")
    result = run(tmp_path)
    assert result.returncode == 2
    assert "SG003" in result.stdout
    assert "a.py can't be read as Python" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_path_that_is_not_there() -> None:
    result = run("nowhere")
    assert result.returncode == 2
    assert result.stderr == "error: there is no nowhere\n"


def test_our_own_code_is_clean() -> None:
    """But for the lessons, which break the rule to show it."""
    root = ROOT
    ours = [*(root / "bench").glob("*.py"), root / "accessors", root / "session_guard"]
    result = run(*ours)
    assert (result.returncode, result.stdout) == (0, "")


def test_it_finds_a_lesson_that_breaks_the_rule() -> None:
    result = run(ROOT / "bench" / "studies" / "lessons" / "mistakes")
    assert result.returncode == 1
    assert "SG001" in result.stdout
