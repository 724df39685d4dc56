"""The identity of a dataset, computed from its rows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accessors.sql import SCHEMA
from bench.model.errors import BenchError

if TYPE_CHECKING:
    import psycopg

# One line of text per row, equal on every server: independent of DateStyle, locale and encoding.
_LINES = {
    "address": ("id", "id || ',' || flat_number || ',' || post_code"),
    "customer": ("id", "id || ',' || quote_nullable(name) || ',' || address_id"),
    "item": (
        "id",
        "id || ',' || quote_nullable(name) || ',' || price || ',' || quote_nullable(description)",
    ),
    "orders": (
        "id",
        "id || ',' || customer_id || ',' || to_char(order_time, 'YYYY-MM-DD HH24:MI:SS.US')",
    ),
    "order_items": ("order_id, item_id", "order_id || ',' || item_id || ',' || quantity"),
}


@dataclass(frozen=True)
class Fingerprint:
    """The identity of the rows: the number in each table, and a hash of their content."""

    address: int
    customer: int
    item: int
    orders: int
    order_items: int
    content: str

    @property
    def digest(self) -> str:
        """The first 16 digits of the hash: enough to tell datasets apart by eye."""
        return self.content[:16]


def fingerprint(connection: "psycopg.Connection[Any]") -> Fingerprint:
    """Return the fingerprint, which the server computes from every row.

    Equal rows have equal fingerprints on every server. Raises `BenchError` if a table is missing.
    """
    from psycopg import errors

    # In chunks, because a text cannot exceed 1 GB. sha256, because in FIPS mode there is no md5.
    tables = " UNION ALL ".join(
        f"SELECT '{table}' AS name, coalesce(sum(size), 0) AS size,"
        " encode(sha256(coalesce(string_agg(hash, '' ORDER BY chunk), '')), 'hex') AS hash FROM ("
        f" SELECT {order.split(',')[0]} / 1000 AS chunk, count(*) AS size,"
        f" sha256(convert_to(string_agg({line}, E'\\n' ORDER BY {order}), 'UTF8')) AS hash"
        f" FROM {SCHEMA}.{table} GROUP BY 1) AS chunks"
        for table, (order, line) in _LINES.items()
    )
    try:
        row = connection.execute(
            "SELECT json_object_agg(name, size),"
            " encode(sha256(string_agg(name || size || hash, ',' ORDER BY name COLLATE \"C\")"
            f"::bytea), 'hex') FROM ({tables}) AS tables"
        ).fetchone()
    except (errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise BenchError(
            f"the rows in schema {SCHEMA} are missing or damaged ({error.diag.message_primary}).\n"
            "`bench run` loads them again; `bench db reset` clears what is left."
        ) from error
    assert row is not None
    counts, content = row
    return Fingerprint(**counts, content=content)
