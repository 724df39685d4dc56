"""The options of backends behind a pooler that gives each transaction, or statement, a connection.

A prepared statement stays on its server connection, which the next transaction may not get. The
rules for each library are in its own documentation:
https://www.psycopg.org/psycopg3/docs/advanced/prepare.html#using-prepared-statements-with-pgbouncer
https://magicstack.github.io/asyncpg/current/faq.html
https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-name-with-pgbouncer
"""

from collections.abc import Mapping

from accessors.api import AnyBackend
from accessors.connect_options import ENGINE
from bench.model.case import Case
from bench.model.connect import pairs
from bench.model.workload import WORKLOADS

_NEEDED: Mapping[str, str] = {
    "psycopg": "psycopg.prepare_threshold=none",
    "asyncpg": "asyncpg.statement_cache_size=0",
}
_NEEDED_BY_THE_ADAPTER = (
    "engine.prepared_statement_cache_size=0",
    "engine.prepared_statement_name_func=uuid",
)

_PREPARES_APART = ("asyncpg", "pg8000")
"""The drivers that prepare a statement, by SQLAlchemy's adapter or by themselves, and run it after
another round trip."""
_KEEPS_NAME = "a pooler keeps that name"


def needed(backend: AnyBackend) -> tuple[str, ...]:
    """Return the settings without which this backend prepares statements that a pooler loses."""
    if backend.in_memory or backend.driver not in _NEEDED:
        return ()
    adapter = backend.driver == "asyncpg" and ENGINE in getattr(backend, "connect_options", ())
    return (_NEEDED[backend.driver], *(_NEEDED_BY_THE_ADAPTER if adapter else ()))


def missing(backend: AnyBackend, case: Case) -> list[str]:
    """Return the settings that the backend needs and the case does not have."""
    given = dict(pairs(case.connect))
    wanted = (setting.partition("=") for setting in needed(backend))
    return [f"{option}={value}" for option, _, value in wanted if given.get(option) != value]


def impossible(backend: AnyBackend, case: Case, mode: str) -> str | None:
    """Return why the case cannot be right behind a pooler in this mode, whatever is set."""
    if backend.in_memory:
        return None
    streamed = case.fetch.mode in ("streamed", "batched", "single-row")
    is_sqlalchemy = ENGINE in getattr(backend, "connect_options", ())
    if mode == "statement" and is_sqlalchemy:
        return (
            f"{case.backend} is of SQLAlchemy, which begins a transaction when it first connects: "
            "a pooler in statement mode refuses it"
        )
    begins = streamed or case.transactions == "implicit" or WORKLOADS[case.workload].writes
    if mode == "statement" and begins:
        return (
            f"{case.backend} would begin a transaction for {case.workload}"
            f"{f', {case.fetch}' if streamed else ''}: a pooler in statement mode refuses it"
        )
    if backend.driver == "psqlpy":  # s0, s1 and so on, in each process
        return f"{case.backend} names a statement as other processes do, and {_KEEPS_NAME}"
    if backend.driver == "asyncpg" and not is_sqlalchemy:
        # asyncpg counts its names in each process anew: __asyncpg_stmt_1__ and so on.
        words = f"names a cursor's statement as other processes do, and {_KEEPS_NAME}"
        return f"{case.backend} {words}" if streamed else None
    if backend.driver in _PREPARES_APART and case.transactions == "autocommit":
        return (
            f"{case.backend} prepares a statement and runs it in two transactions under autocommit,"
            " for which a pooler may take two connections (`bench run --transactions implicit` does"
            " not)"
        )
    return None


def options() -> str:
    """Return every setting that some backend needs, as options of a command line."""
    settings = (*sorted(_NEEDED.values()), *_NEEDED_BY_THE_ADAPTER)
    return " ".join(f"--connect {setting}" for setting in settings)
