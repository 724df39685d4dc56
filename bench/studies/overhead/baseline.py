"""The shortest loops that do what the harness does, for comparison in `bench overhead`.

Each runs the same statement with the same arguments, and nothing else: no sample, no clock, no
accessor. A flag ends them, because even reading the clock would cost time.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from accessors import sql


class Flag:
    """A flag that is up for as long as the loops are to go on."""

    up = True

    def lower(self) -> None:
        """End the loops, each after its current operation."""
        self.up = False


Loop = Callable[[Any, Iterator[int], Flag], int]
"""A function from an accessor, the ids of orders and the flag to the number of operations."""
AsyncLoop = Callable[[Any, Iterator[int], Flag], Awaitable[int]]


async def ask_asyncpg(accessor: Any, ids: Iterator[int], flag: Flag) -> int:
    """Read by asyncpg until the flag falls."""
    connection, done = accessor._connection, 0
    for order_id in ids:
        await connection.fetchval(sql.NUMBERED.total_cost_of_an_order, order_id)
        done += 1
        if not flag.up:
            break
    return done


def ask_psycopg2(accessor: Any, ids: Iterator[int], flag: Flag) -> int:
    """Read by psycopg2 until the flag falls."""
    connection, done = accessor._connection, 0
    for order_id in ids:
        with connection.cursor() as cursor:
            cursor.execute(sql.PERCENT.total_cost_of_an_order, (order_id,))
            cursor.fetchone()
        done += 1
        if not flag.up:
            break
    return done


def ask_psycopg(accessor: Any, ids: Iterator[int], flag: Flag) -> int:
    """Read by psycopg until the flag falls."""
    connection, done = accessor._connection, 0
    for order_id in ids:
        cursor = connection.execute(sql.PERCENT.total_cost_of_an_order, (order_id,))
        cursor.fetchone()
        done += 1
        if not flag.up:
            break
    return done


async def ask_psycopg_async(accessor: Any, ids: Iterator[int], flag: Flag) -> int:
    """Read by psycopg in its async mode until the flag falls."""
    connection, done = accessor._connection, 0
    for order_id in ids:
        cursor = await connection.execute(sql.PERCENT.total_cost_of_an_order, (order_id,))
        await cursor.fetchone()
        done += 1
        if not flag.up:
            break
    return done


def _ask_sqlalchemy(target: Any, reads: Any, ids: Iterator[int], flag: Flag) -> int:
    read, done = reads.total_cost_of_an_order, 0
    statement, (name,) = read.statement, read.parameters
    for order_id in ids:
        target.scalar(statement, {name: order_id})
        done += 1
        if not flag.up:
            break
    return done


async def _ask_sqlalchemy_async(target: Any, reads: Any, ids: Iterator[int], flag: Flag) -> int:
    read, done = reads.total_cost_of_an_order, 0
    statement, (name,) = read.statement, read.parameters
    for order_id in ids:
        await target.scalar(statement, {name: order_id})
        done += 1
        if not flag.up:
            break
    return done


def ask_core(accessor: Any, ids: Iterator[int], flag: Flag) -> int:
    """Read by a connection of SQLAlchemy Core until the flag falls."""
    return _ask_sqlalchemy(accessor._connection, accessor.reads, ids, flag)


def ask_orm(accessor: Any, ids: Iterator[int], flag: Flag) -> int:
    """Read by a session of the ORM until the flag falls."""
    return _ask_sqlalchemy(accessor._session, accessor.reads, ids, flag)


async def ask_core_async(accessor: Any, ids: Iterator[int], flag: Flag) -> int:
    """Read by an async connection of SQLAlchemy Core until the flag falls."""
    return await _ask_sqlalchemy_async(accessor._connection, accessor.reads, ids, flag)


async def ask_orm_async(accessor: Any, ids: Iterator[int], flag: Flag) -> int:
    """Read by an async session of the ORM until the flag falls."""
    return await _ask_sqlalchemy_async(accessor._session, accessor.reads, ids, flag)


SYNC_LOOPS: Mapping[str, Loop] = {
    "psycopg2": ask_psycopg2,
    "psycopg": ask_psycopg,
    "core+psycopg2": ask_core,
    "orm+psycopg2": ask_orm,
}
ASYNC_LOOPS: Mapping[str, AsyncLoop] = {
    "asyncpg": ask_asyncpg,
    "psycopg-async": ask_psycopg_async,
    "core+asyncpg": ask_core_async,
    "orm+asyncpg": ask_orm_async,
}
"""The bare loop of each backend that has one."""
