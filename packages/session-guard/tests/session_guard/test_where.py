"""Reports name a line of the user's code, wherever SQLAlchemy is installed."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import sqlalchemy
from session_guard import SharedSessionError, Violation
from sqlalchemy import text
from tests.session_guard.conftest import Desk

SHOP = """
import asyncio
import sys

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from session_guard import GuardedSession, violations

url = sys.argv[1]
engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url))
maker = async_sessionmaker(engine, sync_session_class=GuardedSession)


async def use(session):
    await session.execute(text("SELECT pg_sleep(0.01)"))


async def shared():
    async with maker() as session:
        await asyncio.gather(use(session), use(session), return_exceptions=True)
    await engine.dispose()


asyncio.run(shared())
print([found.at for found in violations()])
"""


def test_sqlalchemy_outside_site_packages_is_still_a_library(desk: Desk, tmp_path: Path) -> None:
    """Forbids that a line of SQLAlchemy is named if pip has put it into an unusual folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "sqlalchemy").symlink_to(Path(sqlalchemy.__file__).parent)
    shop = tmp_path / "shop.py"
    shop.write_text(SHOP)
    done = subprocess.run(
        [sys.executable, shop.name, desk.url],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(elsewhere)},
        capture_output=True,
        text=True,
    )
    line = SHOP.splitlines().index('    await session.execute(text("SELECT pg_sleep(0.01)"))') + 1
    assert done.stdout == f"['shop.py:{line}']\n", done.stderr


def test_two_tasks_of_one_name_get_numbers(desk: Desk) -> None:
    """Forbids a message in which two tasks of the same name can't be told apart."""

    async def scenario() -> Any:
        async with desk.maker() as maker, maker() as session:
            reads = (session.execute(text("SELECT pg_sleep(0.01)")) for _ in range(2))
            tasks = [asyncio.create_task(read, name="worker") for read in reads]
            return await asyncio.gather(*tasks, return_exceptions=True)

    _, error = asyncio.run(scenario())
    assert isinstance(error, SharedSessionError)
    names = {error.violation.user, error.violation.holder}
    assert names == {"task 'worker' #1", "task 'worker' #2"}


def test_a_holder_that_has_only_opened_the_session() -> None:
    """Forbids the text "since ()" where the holder has called no operation yet."""
    violation = Violation(
        kind="interleaving",
        shared="session",
        operation="commit",
        user="task 'b'",
        at="shop.py:2",
        holder="task 'a'",
        since="",
        holder_at="shop.py:1",
        refused=True,
    )
    assert "(since it was opened)" in str(violation)
    assert "()" not in str(violation).replace("commit()", "")
