"""docs/session-guard.md: its code runs, and does what the page says."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from session_guard import SharedSessionError, violations
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.session_guard.conftest import Desk, Note

from tests.documents import ROOT, blocks, commands

DOCUMENT = ROOT / "docs" / "session-guard.md"


@pytest.fixture
def shop(desk: Desk) -> dict[str, Any]:
    """Return the names of a module with all code of the document, in a folder as a user has it."""
    asked = asyncio.Event()

    def ask_the_bank() -> Awaitable[None]:
        asked.set()
        return asyncio.sleep(0.2)

    names: dict[str, Any] = {
        "url": desk.url.replace("postgresql://", "postgresql+asyncpg://"),
        "ask_the_bank": ask_the_bank,
        "ask_the_customer": asked.wait,
    }
    source = "\n".join(blocks(DOCUMENT, "python"))
    exec(compile(source, "shop.py", "exec"), names)
    return names


def run(shop: dict[str, Any], name: str, *arguments: Any) -> Any:
    async def scenario() -> Any:
        async with shop["engine"].connect():  # warm, as in a service
            pass
        try:
            return await shop[name](*arguments)
        finally:
            await shop["engine"].dispose()

    return asyncio.run(scenario())


def test_the_error_is_the_one_shown(shop: dict[str, Any], desk: Desk) -> None:
    shown, *_costs = blocks(DOCUMENT, "text")
    saved, refused = run(shop, "shared", Note(text="order"))
    assert saved is None
    assert desk.texts == ["order"]
    assert isinstance(refused, SharedSessionError)
    assert anonymous(str(refused)) == anonymous(shown.strip())
    assert shop["what_was_found"]() == ["rollback"]
    assert violations() == ()


def anonymous(text: str) -> str:
    """Return the text with the tasks numbered in their order of appearance."""
    seen: list[str] = []
    for task in re.findall(r"Task-\d+", text):
        seen += [task] if task not in seen else []
    return re.sub(r"Task-\d+", lambda found: f"Task#{seen.index(found[0])}", text)


def test_it_is_handed_over(shop: dict[str, Any], desk: Desk) -> None:
    async def scenario() -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        async with shop["maker"]() as session:
            giver = shop["giver"](session, Note(text="order"), queue)
            await asyncio.gather(giver, shop["taker"](queue))

    shop["scenario"] = scenario
    run(shop, "scenario")
    assert desk.texts == ["order"]
    assert violations() == ()


def test_the_engine_is_guarded(shop: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with shop["engine"].connect() as connection:
            await asyncio.gather(*(ask(connection) for _ in range(2)))

    async def ask(connection: AsyncConnection) -> None:
        await connection.exec_driver_sql("SELECT pg_sleep(0.01)")

    shop["scenario"] = scenario
    with pytest.raises(SharedSessionError):
        run(shop, "scenario")


def test_the_commands_run(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "shop.py").write_text("\n".join(blocks(DOCUMENT, "python")))
    (tmp_path / "test_one.py").write_text("def test_one(): ...\n")
    lines = [command.line for command in commands(DOCUMENT)]
    assert len(lines) == 2
    for line in lines:
        program, *words = line.split()
        module = ["-m", program.replace("-", "_")]
        options = ["-p", "no:asyncio"] if program == "pytest" else []
        done = subprocess.run(
            [sys.executable, *module, *words, *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        found = "SG001" in done.stdout
        assert done.returncode == (1 if found else 0), done.stdout + done.stderr
        assert found is (program == "session-guard")
