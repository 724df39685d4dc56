"""Reports name a line of the user's code, wherever SQLAlchemy is installed."""

import os
import subprocess
import sys
from pathlib import Path

import sqlalchemy
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
