"""Fixtures that run the lint."""

import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

SHARED = """\
import asyncio
from sqlalchemy.ext.asyncio import AsyncSession


async def both(session: AsyncSession):
    await asyncio.gather(session.execute(a), session.execute(b))
"""
"""A file with one report: SG001 in line 6, column 46."""

Result = subprocess.CompletedProcess[str]


class Run(Protocol):
    """Runs `session-guard` in the test's folder."""

    def __call__(self, *words: object) -> Result: ...


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*words: object) -> Result:
        program = Path(sys.executable).with_name("session-guard")
        command = [str(program), *map(str, words)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder `app` with one file that shares a session."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "db.py").write_text(SHARED)
    return tmp_path / "app"
