"""The baseline of `bench overhead`: the shortest loops that do the same work as the harness.

A loop runs the same statement with the same arguments, and nothing else: no sample, no clock, no
accessor. A flag ends the loop, because even reading the clock would cost time.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from accessors import sql

if TYPE_CHECKING:
    import asyncpg.pool
    import psycopg2.extensions


class Flag:
    """A flag that is up until the loops must end."""

    up = True

    def lower(self) -> None:
        self.up = False


async def ask_asyncpg(
    connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", ids: Iterator[int], flag: Flag
) -> int:
    """Do point reads by asyncpg until the flag is lowered. Return their number."""
    done = 0
    for order_id in ids:
        await connection.fetchval(sql.NUMBERED.total_cost_of_an_order, order_id)
        done += 1
        if not flag.up:
            break
    return done


def ask_psycopg2(
    connection: "psycopg2.extensions.connection", ids: Iterator[int], flag: Flag
) -> int:
    """Do point reads by psycopg2 until the flag is lowered. Return their number."""
    done = 0
    for order_id in ids:
        with connection.cursor() as cursor:
            cursor.execute(sql.PERCENT.total_cost_of_an_order, (order_id,))
            cursor.fetchone()
        done += 1
        if not flag.up:
            break
    return done
