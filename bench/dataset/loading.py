"""Loading of a dataset, the check that it is there, and its restoration after writes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from accessors import sample
from accessors.sql import SCHEMA
from bench.dataset import generation, schema
from bench.dataset.fingerprint import Fingerprint, fingerprint
from bench.model.dataset import Dataset
from bench.model.errors import BenchError

if TYPE_CHECKING:
    import psycopg

_SAMPLE = {
    "address": sample.ADDRESSES,
    "customer": sample.CUSTOMERS,
    "item": sample.ITEMS,
    "orders": sample.ORDERS,
    "order_items": sample.ORDER_ITEMS,
}


def ensure(
    connection: "psycopg.Connection[Any]",
    dataset: Dataset,
    on_progress: Callable[[str], None] | None = None,
) -> Fingerprint:
    """Make sure that our schema has exactly these rows, and return their fingerprint.

    Creates the schema if there is none. Loads only if the content differs from the rows of that
    seed and scale. An interrupted load leaves the previous rows. `on_progress` gets each step as a
    text.
    """
    tell = on_progress or (lambda _: None)
    tell("checking the rows")
    with schema.alone(connection):
        schema.create(connection)
        loaded = _intact(connection, dataset)
        if loaded is None:
            loaded = _load(connection, dataset, tell)
    _settle(connection, tell)
    return loaded


def restore(connection: "psycopg.Connection[Any]", dataset: Dataset) -> None:
    """Remove the rows that write workloads added, and let the next order have the same id again.

    The added rows are: later orders and their lines, lines with unordered items, and lines of the
    sample orders that are not in the sample. Other changes are not searched for: `ensure` finds
    them. Takes no lock against other commands: call it within `lock.held`.
    """
    known = ", ".join(f"({order}, {item})" for order, item, _ in sample.ORDER_ITEMS)
    with connection.transaction():
        connection.execute(
            f"DELETE FROM {SCHEMA}.order_items WHERE order_id > {dataset.orders}"
            f" OR item_id > {dataset.ordered_items}"
            f" OR order_id <= {len(sample.ORDERS)} AND (order_id, item_id) NOT IN ({known})"
        )
        connection.execute(f"DELETE FROM {SCHEMA}.orders WHERE id > {dataset.orders}")
    _continue_ids_after(connection, "orders", dataset.orders)
    # Always vacuum: a write that was rolled back also leaves dead rows, which no DELETE counts.
    connection.execute(f"VACUUM {SCHEMA}.orders, {SCHEMA}.order_items")


def _intact(connection: "psycopg.Connection[Any]", dataset: Dataset) -> Fingerprint | None:
    """Return the fingerprint of the rows if they were loaded for this dataset, else None."""
    from psycopg import errors

    try:
        with connection.transaction():
            recorded = connection.execute(
                f"SELECT content FROM {SCHEMA}.dataset"
                " WHERE (seed, scale, more_customers) = (%s, %s, %s)",
                [dataset.seed, dataset.scale, dataset.more_customers],
            ).fetchone()
            if recorded is None:
                return None
            present = fingerprint(connection)
    except (BenchError, errors.UndefinedTable, errors.UndefinedColumn):
        return None
    return present if present.content == recorded[0] else None


def _load(
    connection: "psycopg.Connection[Any]", dataset: Dataset, tell: Callable[[str], None]
) -> Fingerprint:
    schema.make_tables(connection)
    generated = generation.insertions(dataset)
    for table, first_rows in _SAMPLE.items():
        tell(f"making rows: {table}")
        places = ", ".join(["%s"] * len(first_rows[0]))
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {SCHEMA}.{table} VALUES ({places})", first_rows)
        connection.execute(generated[table])
    last = {"address": dataset.customers, "customer": dataset.customers, "item": dataset.items}
    for table, identity in {**last, "orders": dataset.orders}.items():
        _continue_ids_after(connection, table, identity)
    tell("making keys and indexes")
    schema.add_keys(connection)
    tell("taking the fingerprint")
    loaded = fingerprint(connection)
    connection.execute(
        f"INSERT INTO {SCHEMA}.dataset (seed, scale, more_customers, content)"
        " VALUES (%s, %s, %s, %s)",
        [dataset.seed, dataset.scale, dataset.more_customers, loaded.content],
    )
    return loaded


def _settle(connection: "psycopg.Connection[Any]", tell: Callable[[str], None]) -> None:
    """Vacuum and analyze once after a load, even if the command that loaded was interrupted."""
    from psycopg import errors

    settled = connection.execute(f"SELECT settled FROM {SCHEMA}.dataset").fetchone()
    if settled is None or settled[0]:
        return
    tell("vacuuming")
    tables = ", ".join(f"{SCHEMA}.{table}" for table in schema.TABLES)
    connection.execute(f"VACUUM (ANALYZE) {tables}")
    try:  # otherwise the load would be written to disk during the first measurements
        connection.execute("CHECKPOINT")
    except errors.InsufficientPrivilege:
        tell(
            "no right to CHECKPOINT: the load may be written to disk during the first measurements"
        )
    connection.execute(f"UPDATE {SCHEMA}.dataset SET settled = true")


def _continue_ids_after(connection: "psycopg.Connection[Any]", table: str, last: int) -> None:
    connection.execute(
        f"SELECT setval(pg_get_serial_sequence('{SCHEMA}.{table}', 'id'), {last}, true)"
    )
