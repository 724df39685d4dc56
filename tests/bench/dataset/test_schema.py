"""Our schema is created and dropped as a whole, and nothing else in the database changes."""

import threading
from typing import Any

import psycopg
import pytest

from accessors.sql import SCHEMA
from bench.dataset import loading as dataset
from bench.dataset import lock, schema
from bench.dataset.schema import State
from bench.model.dataset import Dataset
from bench.model.errors import BenchError
from bench.server.database import Database
from tests.bench.dataset.queries import rows

SMALL = Dataset(scale=0.01)


def objects(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Return every relation outside the system's schemas, with its file."""
    return rows(
        connection,
        "SELECT n.nspname, c.relname, c.relkind, c.relfilenode FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname !~ '^pg_|^information_schema$' ORDER BY 1, 2",
    )


def test_create_makes_five_tables_keys_and_indexes(connection: psycopg.Connection[Any]) -> None:
    assert schema.state(connection) is State.ABSENT

    schema.create(connection)

    assert schema.state(connection) is State.OURS
    indexed = {
        (table, columns.split(" (")[1])
        for table, columns in rows(
            connection,
            f"SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = '{SCHEMA}'",
        )
    }
    assert indexed == {
        ("address", "id)"),
        ("customer", "id)"),
        ("item", "id)"),
        ("orders", "id)"),
        ("orders", "customer_id)"),
        ("orders", "order_time)"),
        ("order_items", "order_id, item_id)"),
        ("dataset", "only_row)"),
    }
    foreign_keys = rows(
        connection,
        "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
        f" WHERE contype = 'f' AND connamespace = '{SCHEMA}'::regnamespace ORDER BY 1, 2",
    )
    assert foreign_keys == [
        (f"{SCHEMA}.customer", f"FOREIGN KEY (address_id) REFERENCES {SCHEMA}.address(id)"),
        (f"{SCHEMA}.order_items", f"FOREIGN KEY (item_id) REFERENCES {SCHEMA}.item(id)"),
        (f"{SCHEMA}.order_items", f"FOREIGN KEY (order_id) REFERENCES {SCHEMA}.orders(id)"),
        (f"{SCHEMA}.orders", f"FOREIGN KEY (customer_id) REFERENCES {SCHEMA}.customer(id)"),
    ]


def test_no_autovacuum_falls_into_a_measurement(connection: psycopg.Connection[Any]) -> None:
    schema.create(connection)

    options = rows(
        connection,
        f"SELECT relname, reloptions FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace"
        " AND relkind = 'r' AND relname <> 'dataset'",
    )
    assert {name for name, _ in options} == set(schema.TABLES)
    assert all(option == ["autovacuum_enabled=false"] for _, option in options)


def test_create_again_changes_nothing(connection: psycopg.Connection[Any]) -> None:
    schema.create(connection)
    before = objects(connection)

    schema.create(connection)

    assert objects(connection) == before


def test_another_layout_of_ours_is_made_anew(connection: psycopg.Connection[Any]) -> None:
    """Defect: after an upgrade, statements for the new tables run on the old tables."""
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    connection.execute(f"COMMENT ON SCHEMA {SCHEMA} IS 'made by gatherbench, layout 0: whatever'")
    connection.execute(f"CREATE TABLE {SCHEMA}.customer (oddly integer)")

    schema.create(connection)

    assert rows(connection, f"SELECT id, name, address_id FROM {SCHEMA}.customer") == []
    assert rows(connection, f"SELECT obj_description('{SCHEMA}'::regnamespace)") == [(schema.MARK,)]


def test_drop_says_whether_there_was_one(connection: psycopg.Connection[Any]) -> None:
    before = objects(connection)
    assert schema.drop(connection) is False

    schema.create(connection)

    assert schema.drop(connection) is True
    assert schema.state(connection) is State.ABSENT
    assert objects(connection) == before


@pytest.mark.parametrize("comment", ["NULL", "'my own things, made by gatherbench, layout 1'"])
@pytest.mark.parametrize(
    "act",
    [schema.create, schema.drop, lambda connection: dataset.ensure(connection, SMALL)],
    ids=["create", "drop", "ensure"],
)
def test_a_schema_of_our_name_without_our_mark_is_refused(
    connection: psycopg.Connection[Any], act: Any, comment: str
) -> None:
    """Defect: a user's schema is filled or dropped because it has our name."""
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    connection.execute(f"COMMENT ON SCHEMA {SCHEMA} IS {comment}")
    connection.execute(f"CREATE TABLE {SCHEMA}.customer AS SELECT 'precious' AS name")
    before = objects(connection)

    with pytest.raises(BenchError, match=r"(?s)did not make.*was not changed.*another database"):
        act(connection)

    assert schema.state(connection) is State.FOREIGN
    assert objects(connection) == before
    assert rows(connection, f"SELECT name FROM {SCHEMA}.customer") == [("precious",)]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (f"CREATE VIEW public.v AS SELECT name FROM {SCHEMA}.customer", "view v"),
        (f"CREATE TABLE public.t (id int REFERENCES {SCHEMA}.orders)", "on table t"),
        (f"CREATE TABLE {SCHEMA}.mine (x int)", f"table {SCHEMA}.mine"),
        (f"CREATE FUNCTION {SCHEMA}.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function"),
        (f"DROP TABLE {SCHEMA}.dataset; CREATE VIEW {SCHEMA}.dataset AS SELECT 1", "dataset"),
    ],
    ids=["view", "foreign key", "table", "function", "our name"],
)
def test_drop_refuses_to_take_what_is_not_ours(
    connection: psycopg.Connection[Any], statement: str, named: str
) -> None:
    """Defect: DROP SCHEMA ... CASCADE also drops a user's view, key or table."""
    dataset.ensure(connection, SMALL)
    connection.execute(statement)
    before = objects(connection)

    with pytest.raises(BenchError, match=r"did not make.*" + named) as refused:
        schema.drop(connection)

    assert len(str(refused.value).splitlines()) == 2
    assert objects(connection) == before
    assert rows(connection, f"SELECT count(*) FROM {SCHEMA}.customer") == [(100,)]


def test_a_users_own_tables_are_never_touched(connection: psycopg.Connection[Any]) -> None:
    """Defect: an unqualified name, or search_path, selects the user's tables."""
    connection.execute(
        """
        CREATE TABLE public.customer (id serial PRIMARY KEY, name text, address_id int);
        CREATE TABLE public.orders (id serial PRIMARY KEY, customer_id int, order_time timestamp);
        CREATE TABLE public.dataset (seed int);
        INSERT INTO public.customer (name, address_id) SELECT 'real ' || i, i
            FROM generate_series(1, 600) i;
        INSERT INTO public.orders (id, customer_id, order_time)
            SELECT i, i, timestamp '2001-01-01' FROM generate_series(1, 700) i;
        INSERT INTO public.dataset VALUES (42);
        """
    )

    def mine() -> list[list[tuple[Any, ...]]]:
        # ctid and xmin also show a row that was deleted and inserted again, or updated to itself.
        return [
            [found for found in objects(connection) if found[0] == "public"],
            *(
                rows(connection, f"SELECT ctid::text, xmin::text, t.* FROM public.{table} t")
                for table in ("customer", "orders", "dataset")
            ),
            rows(connection, "SELECT last_value, is_called FROM public.orders_id_seq"),
        ]

    before = mine()

    schema.create(connection)
    dataset.ensure(connection, SMALL)
    connection.execute(f"INSERT INTO {SCHEMA}.orders (customer_id) VALUES (1)")
    dataset.restore(connection, SMALL)
    connection.execute(f"DELETE FROM {SCHEMA}.order_items")
    dataset.ensure(connection, SMALL)
    assert mine() == before
    schema.drop(connection)

    assert mine() == before


def test_waits_for_another_command_and_then_says_so(database: Database) -> None:
    """Defect: a command waits silently for another one, or both drop and fill at once."""
    with database.connect() as other:
        with (
            lock.held(database),
            pytest.raises(BenchError, match=r"another session is using .* \(waited 0.1 s\)"),
            schema.alone(other, wait_seconds=0.1),
        ):
            pytest.fail("two are alone")
        with schema.alone(other, wait_seconds=0.1):
            pass


def test_a_run_keeps_another_run_out(database: Database) -> None:
    with lock.held(database):
        words = r"another bench command .* \(server process \d+\)"
        with pytest.raises(BenchError, match=words), lock.held(database):
            pytest.fail("two hold the rows")
    with lock.held(database):
        pass


def test_two_commands_may_create_at_once(database: Database) -> None:
    """Defect: two commands see no schema, and one fails with a duplicate key in pg_namespace."""
    failures: list[BaseException] = []
    together = threading.Barrier(4)

    def create() -> None:
        try:
            with database.connect() as connection:
                connection.execute("SET default_transaction_isolation = 'repeatable read'")
                together.wait()
                schema.create(connection)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_user_without_the_right_is_told_which(connection: psycopg.Connection[Any]) -> None:
    role = f"gatherbench_test_{connection.info.backend_pid}"
    connection.execute(f"CREATE ROLE {role}")
    try:
        connection.execute(f"SET ROLE {role}")
        with pytest.raises(BenchError, match=r"(?s)permission denied.*GRANT CREATE"):
            schema.create(connection)
    finally:
        connection.execute("RESET ROLE")
        connection.execute(f"DROP ROLE {role}")
