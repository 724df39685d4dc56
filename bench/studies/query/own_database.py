"""The database in which a workload writes: made by its `setup`, or the user's with a `restore`.

A database that is made has a comment with our mark, and the command that made it holds an advisory
lock. What a killed command has left is dropped by the next one.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import accessors
from accessors.api import Target
from bench.model.declared import Changes
from bench.model.errors import BenchError, UsageError
from bench.server.database import Database
from bench.server.failures import first_line
from bench.server.url import changed
from bench.studies.query.declarations import annotated
from bench.system.interrupts import held_back
from bench.workloads import COPY, Workload
from bench.workloads.places import place_of, where

if TYPE_CHECKING:
    import psycopg

_MARK = "made by gatherbench for one command, from"
_BACKENDS = {"orm": "orm+psycopg", "core": "core+psycopg"}
"""The backends that give a `setup` or a `restore` what it asks for. All else is psycopg."""


@dataclass(frozen=True)
class OwnDatabase:
    """The database of a workload, and how its rows are brought back after each turn."""

    database: Database
    search_path: str = ""
    """The path of the copied database, which a copy does not keep by itself."""
    changes: Changes = "nothing"
    renew: Callable[[], None] = lambda: None
    """Makes the database again from its template; no session may be needed afterwards."""


@contextmanager
def own_database(workload: Workload, database: Database) -> Iterator[OwnDatabase]:
    """Make the workload's database, if it has a `setup`; drop it at the end, after Ctrl-C too.

    `database`: the one that the command names. Raises `BenchError` if it cannot be made.
    """
    changes: Changes = "nothing"
    if workload.units and workload.restore:
        changes = "restored"
    elif workload.units and workload.setup is not None:
        changes = "renewed"
    if workload.setup is None:
        yield OwnDatabase(database, changes=changes)
        return
    with ExitStack() as stack:
        connection = stack.enter_context(database.connect(application_name="bench setup"))
        _drop_old(connection)
        name = f"gatherbench_{os.getpid()}_{secrets.token_hex(4)}"
        connection.execute("SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtext(%s))", [name])
        template = f"{name}_template"
        for dropped in (name, template):
            stack.callback(_drop, connection, dropped)
        copied = workload.setup == COPY
        first = template if changes == "renewed" else name
        _create(connection, database, first, connection.info.dbname if copied else None)
        if not copied:
            prepare(workload, "setup", _of_name(database, first))
        own = _of_name(database, name)
        path = _search_path(database) if copied else ""
        renew = partial(_renew, connection, database, name, template)
        if changes == "renewed":
            renew()
        yield OwnDatabase(own, path, changes, renew)


def prepare(workload: Workload, what: str, database: Database) -> None:
    """Carry out the `setup` or the `restore` of a workload. Raises `BenchError` if it fails."""
    prepared: Any = getattr(workload, what)
    name = f"the {what} of the workload {workload.name}"
    try:
        if isinstance(prepared, str):
            with database.connect(as_backend=True) as connection:
                connection.execute(prepared.encode())
            return
        name = f"{where(prepared)}, {name}"
        place = place_of(prepared) if annotated(prepared) else None
        if place is None or place.layer == "driver":
            with database.connect(as_backend=True) as connection:
                prepared(connection)
            return
        backend: Any = accessors.load(_BACKENDS[place.layer])
        target = Target(database.url_for("psycopg"), 1, "implicit")
        with backend.open(target), backend.accessor() as accessor:
            prepared(accessor.native)
            accessor.native.commit()
    except (BenchError, KeyboardInterrupt):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error, database.url)}"
        raise BenchError(
            f"{name} failed ({reason}).\nCorrect it, and try it by itself with a small program."
        ) from None


def _create(
    connection: "psycopg.Connection[Any]", database: Database, name: str, template: str | None
) -> None:
    import psycopg
    from psycopg import sql

    made = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        made += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    try:
        with held_back():  # a statement that is interrupted on the client goes on in the server
            connection.execute(made)
            comment = f"{_MARK} {connection.info.dbname}"
            connection.execute(
                sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                    sql.Identifier(name), sql.Literal(comment)
                )
            )
    except psycopg.errors.ObjectInUse:
        raise BenchError(
            f"the database {template} cannot be copied: other sessions are connected to it.\n"
            "Close them, or name another database with --database-url."
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise UsageError(
            f"the role {connection.info.user} may not create a database at {database.safe_url}.\n"
            f'Type ALTER ROLE "{connection.info.user}" CREATEDB as a superuser, or use restore=.'
        ) from None
    except psycopg.errors.ReadOnlySqlTransaction:
        raise UsageError(
            "no database can be made for the workload: default_transaction_read_only is on for the"
            f" role {connection.info.user} at {database.safe_url}.\nAdd"
            " options=-c%20default_transaction_read_only%3Doff to the URL, or name another server."
        ) from None
    except psycopg.Error as error:
        raise BenchError(
            f"a database for the workload cannot be made ({first_line(error, database.url)}).\n"
            "See the server's log, or use restore= in place of setup=."
        ) from None


def _renew(
    connection: "psycopg.Connection[Any]", database: Database, name: str, template: str
) -> None:
    _drop(connection, name)
    _create(connection, database, name, template)


def _drop(connection: "psycopg.Connection[Any]", name: str) -> None:
    """Drop a database, and end its sessions."""
    import psycopg
    from psycopg import sql

    # A server that is gone keeps the database. The next command drops it. A read-only one has none.
    gone = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction)
    with held_back(), suppress(*gone):
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def _drop_old(connection: "psycopg.Connection[Any]") -> None:
    """Drop the databases of commands that were killed: their advisory lock is free."""
    import psycopg

    found = connection.execute(
        "SELECT d.datname FROM pg_catalog.pg_database d"
        " JOIN pg_catalog.pg_shdescription c ON c.objoid = d.oid"
        " AND c.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass"
        " WHERE c.description = %s"
        " AND pg_catalog.pg_get_userbyid(d.datdba) = current_user",
        [f"{_MARK} {connection.info.dbname}"],
    ).fetchall()
    for (name,) in found:
        owner = name.removesuffix("_template")
        free = connection.execute(
            "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext(%s))", [owner]
        ).fetchone()
        if free == (True,):
            with suppress(psycopg.Error):
                _drop(connection, name)
            connection.execute(
                "SELECT pg_catalog.pg_advisory_unlock(pg_catalog.hashtext(%s))", [owner]
            )


def _of_name(database: Database, name: str) -> Database:
    """Return the database of this name on the same server."""
    return replace(database, url=changed(database.url, dbname=name), admin_url=None)


def _search_path(database: Database) -> str:
    """Return the search path of the role in the database; empty if it is PostgreSQL's default."""
    with database.connect(as_backend=True) as connection:
        row = connection.execute("SELECT pg_catalog.current_setting('search_path')").fetchone()
    path = row[0] if row else ""
    return "" if path == '"$user", public' else path.replace(", ", ",")
