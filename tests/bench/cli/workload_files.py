"""The kinds of workload files, and the commands that take one, for the tests of both."""

from pathlib import Path

MODELS = """
from collections.abc import Callable
import asyncpg, psycopg, psycopg2.extensions
from sqlalchemy import Connection, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from bench.workloads import COPY, Read, Unit, Workload

class Base(DeclarativeBase):
    pass

class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str]

def setup(session: Session):
    Base.metadata.create_all(session.connection())
    session.add_all(Note(words=f"word {n}") for n in range(30))

ADD = "INSERT INTO note (words) VALUES ('more') RETURNING id"
AGAIN = "DELETE FROM note WHERE id > 30; ALTER SEQUENCE note_id_seq RESTART WITH 31"
notes = Note.__table__
"""
READ = "w = Workload('w', {{Read('few', {}, arguments='25..30'): 1}}, setup=setup)"
UNIT = "w = Workload('w', {f: 1}, setup=setup)"

KINDS = {
    "sql": READ.format("sql='SELECT * FROM note WHERE id <= :id ORDER BY id'"),
    "core": READ.format(
        "core=select(notes).where(notes.c.id <= bindparam('id')).order_by(notes.c.id)"
    ),
    "core-text": READ.format(
        "core=text('SELECT id, words::text FROM note WHERE id <= :id ORDER BY id')"
    ),
    "orm": READ.format("orm=select(Note).where(Note.id <= bindparam('id')).order_by(Note.id)"),
    "Session": "def f(s: Session):\n"
    "    with s.begin():\n"
    "        note = Note(words='more')\n"
    "        s.add(note)\n"
    "        s.flush()\n"
    f"        return note.id\n{UNIT}",
    "AsyncSession": "async def f(s: AsyncSession):\n"
    "    async with s.begin():\n"
    "        note = Note(words='more')\n"
    "        s.add(note)\n"
    "        await s.flush()\n"
    f"        return note.id\n{UNIT}",
    "Connection": "def f(c: Connection):\n"
    f"    with c.begin():\n        return c.scalar(text(ADD))\n{UNIT}",
    "AsyncConnection": "async def f(c: AsyncConnection):\n"
    f"    async with c.begin():\n        return await c.scalar(text(ADD))\n{UNIT}",
    "psycopg2": "def f(c: psycopg2.extensions.connection):\n"
    "    with c, c.cursor() as cursor:\n"
    f"        cursor.execute(ADD)\n        return cursor.fetchone()[0]\n{UNIT}",
    "psycopg": "def f(c: psycopg.Connection):\n"
    f"    with c.transaction():\n        return c.execute(ADD).fetchone()[0]\n{UNIT}",
    "psycopg-async": "async def f(c: psycopg.AsyncConnection):\n"
    "    async with c.transaction():\n"
    f"        return (await (await c.execute(ADD)).fetchone())[0]\n{UNIT}",
    "asyncpg": "async def f(c: asyncpg.Connection):\n"
    f"    async with c.transaction():\n        return await c.fetchval(ADD)\n{UNIT}",
    "mixed": "def f(s: Session, words: str):\n"
    "    with s.begin():\n"
    "        s.add(Note(words=words))\n"
    "r = Read('one', orm=select(Note).where(Note.id == bindparam('id')), arguments='1..30')\n"
    "u = Unit('add', f, arguments=lambda random: (random.choice('ab'),))\n"
    "w = Workload('w', {r: 3, u: 1}, setup=setup, restore=AGAIN)",
    "script": "\\set id random(1, 30)\nSELECT relname FROM pg_catalog.pg_class WHERE oid = :id;\n",
}
"""The text of a file after `MODELS`; of a script, all of it."""
READS = {"sql", "core", "core-text", "orm"}

BACKENDS = {
    "sql": "psycopg",
    "core": "core+asyncpg",
    "core-text": "core+psycopg",
    "orm": "orm+psycopg2",
    "Session": "orm+psycopg",
    "AsyncSession": "orm+asyncpg",
    "Connection": "core+psycopg2",
    "AsyncConnection": "core+psycopg-async",
    "mixed": "orm+psycopg",
    "script": "psycopg2",
}
"""Kind -> a backend that takes it, if its name is another."""

SHORT = ("--seconds=0.01", "--no-charts", "--quiet")
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run", "--concurrency=1", "--rounds=1", *SHORT),
    "verify": ("verify",),
    "streaming": ("streaming", "--quick", "--no-charts", "--quiet"),
    "pool": ("pool", "--concurrency=1", "--size=1", "--rounds=1", *SHORT),
    "saturate": ("saturate", "--concurrency=1", "--objective=500ms", "--no-charts", "--quiet"),
    "calibrate": ("calibrate", "--generations=1", "--rounds=6", "--seconds=0.01"),
}


def write(folder: Path, kind: str) -> Path:
    """Write the workload file of this kind."""
    file = folder / ("notes.sql" if kind == "script" else "notes.py")
    file.write_text(KINDS[kind] if kind == "script" else MODELS + KINDS[kind])
    return file
