"""The rows: which there should be, whether they are there, and how to have them back."""

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
    """Have exactly these rows in our schema, and return their fingerprint.

    Makes the schema if there is none. Loads only if what is there differs, by content, from what
    the seed and the scale give. An interrupted load leaves what was there before.
    """
    tell = on_progress or (lambda _: None)
    tell("checking the rows")
    with schema.alone(connection):
        schema.create(connection)
        found = _intact(connection, dataset)
        if found is None:
            found = _load(connection, dataset, tell)
    _settle(connection, tell)
    return found


def restore(connection: "psycopg.Connection[Any]", dataset: Dataset) -> None:
    """Take away what the write workloads added, and let the next order have the same id again.

    That is: later orders and their lines; lines with unordered items; lines of the sample orders
    beyond the sample. Nothing else is looked for: `ensure` finds any other change. Takes no lock
    against other commands: a run that writes is to be within `lock.held`.
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
    # Always: a write that was rolled back leaves dead rows, too, that no DELETE counts.
    connection.execute(f"VACUUM {SCHEMA}.orders, {SCHEMA}.order_items")


def _intact(connection: "psycopg.Connection[Any]", dataset: Dataset) -> Fingerprint | None:
    """The fingerprint of the rows, if they are those that were loaded for this dataset."""
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
            found = fingerprint(connection)
    except (BenchError, errors.UndefinedTable, errors.UndefinedColumn):
        return None
    return found if found.content == recorded[0] else None


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
    """Vacuum and analyze once after a load, also if the command that loaded was interrupted."""
    from psycopg import errors

    settled = connection.execute(f"SELECT settled FROM {SCHEMA}.dataset").fetchone()
    if settled is None or settled[0]:
        return
    tell("vacuuming")
    tables = ", ".join(f"{SCHEMA}.{table}" for table in schema.TABLES)
    connection.execute(f"VACUUM (ANALYZE) {tables}")
    try:  # so that the writing out of a load does not fall into the first measurements
        connection.execute("CHECKPOINT")
    except errors.InsufficientPrivilege:
        tell("no right to CHECKPOINT; the first measurements may share the disk with the load")
    connection.execute(f"UPDATE {SCHEMA}.dataset SET settled = true")


def _continue_ids_after(connection: "psycopg.Connection[Any]", table: str, last: int) -> None:
    connection.execute(
        f"SELECT setval(pg_get_serial_sequence('{SCHEMA}.{table}', 'id'), {last}, true)"
    )
