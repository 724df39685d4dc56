"""The figures that PgBouncer has of itself, by its admin console."""

from dataclasses import dataclass
from typing import Any

from bench.server.pgbouncer import console, server_connections

_CONNECT_TIMEOUT_S = 5


@dataclass(frozen=True)
class PoolerTotals:
    """The counts of a PgBouncer since it began, for all of its clients."""

    transactions: int
    wait_us: int
    """Time that clients waited for a server connection."""
    connections: int
    """Its server connections now."""

    def wait_ns(self, before: "PoolerTotals") -> int | None:
        """Return the mean wait of a transaction since `before`; None if there was none."""
        amount = self.transactions - before.transactions
        return round((self.wait_us - before.wait_us) * 1000 / amount) if amount > 0 else None


def totals(url: str) -> PoolerTotals | None:
    """Return the totals of the PgBouncer that this URL leads to.

    None if the console does not admit its user, or if it is no PgBouncer.
    https://www.pgbouncer.org/usage.html#show-commands
    """
    import psycopg

    try:
        with psycopg.connect(
            console(url), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S
        ) as connection:
            stats, pools = _rows(connection, b"SHOW STATS"), _rows(connection, b"SHOW POOLS")
            counted = [row for row in stats if row["database"] != "pgbouncer"]
            return PoolerTotals(
                sum(int(row["total_xact_count"]) for row in counted),
                sum(int(row["total_wait_time"]) for row in counted),
                server_connections(pools),
            )
    except (psycopg.Error, LookupError, ValueError):
        return None


def _rows(connection: Any, command: bytes) -> list[dict[str, Any]]:
    cursor = connection.execute(command)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
