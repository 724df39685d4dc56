"""The settings of our sessions, and a check of the settings that a role has."""

from typing import TYPE_CHECKING, Any

from bench.model.errors import BenchError

if TYPE_CHECKING:
    import psycopg

ENCODING = "UTF8"
"""The encoding of every session: asyncpg knows no other, and drivers must get the same bytes."""

PINNED = {"search_path": "pg_catalog"}
"""Settings of every session: ours, and those of the backends.

A user who may create functions in a schema of the search path can have them run by another user who
uses an operator or a function by its bare name (CVE-2018-1058):
https://wiki.postgresql.org/wiki/A_Guide_to_CVE-2018-1058:_Protect_Your_Search_Path
"""

STEADY = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
}
"""Settings of our own sessions. The role's could change an answer, or end our work.
Not every version of the server has all of them.

The sessions of a backend keep the role's settings: those are measured, and are in the header.
"""

_SHORTEST_TIMEOUT_MS = 1000
_TIMEOUTS = {
    "statement_timeout": "57014",
    "lock_timeout": "55P03",
    "idle_in_transaction_session_timeout": "25P03",
    "idle_session_timeout": "57P05",
    "transaction_timeout": "25P04",
}
"""Timeout setting -> the SQLSTATE of the error when it ends something."""

_SET = """
    SELECT pg_catalog.set_config(name, value, false)
    FROM ROWS FROM (
        pg_catalog.unnest(%s::pg_catalog.text[]), pg_catalog.unnest(%s::pg_catalog.text[])
    ) AS settings (name, value)
    WHERE pg_catalog.current_setting(name, true) IS NOT NULL
    AND pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) 'pg_catalog'
"""

_STATE = """
    SELECT pg_catalog.current_setting('search_path'), current_user,
        ARRAY(SELECT name::pg_catalog.text FROM pg_catalog.pg_settings
            WHERE name OPERATOR(pg_catalog.=) ANY (%s)
            AND setting::pg_catalog.int4 OPERATOR(pg_catalog.>) 0
            AND setting::pg_catalog.int4 OPERATOR(pg_catalog.<) %s ORDER BY name)
"""

# Schemas of the search path in which users other than this user and superusers may create functions
# and operators. `grantee` 0 is PUBLIC, 6171 is pg_database_owner.
_OPEN_SCHEMAS = """
    SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n
    WHERE n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))
    AND EXISTS (
        SELECT FROM pg_catalog.aclexplode(coalesce(
            n.nspacl, pg_catalog.acldefault('n', n.nspowner))) AS a
        LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) CASE
            WHEN a.grantee OPERATOR(pg_catalog.=) 6171 THEN (
                SELECT datdba FROM pg_catalog.pg_database
                WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
            ELSE a.grantee END
        WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
        AND coalesce(r.rolname OPERATOR(pg_catalog.<>) current_user AND NOT r.rolsuper, true))
"""


def options(settings: dict[str, str]) -> str:
    """Return the settings as the text of libpq's parameter `options`."""
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def steady(connection: "psycopg.Connection[Any]") -> None:
    """Set the settings `STEADY` in one of our own sessions.

    Sets nothing if the search path is not ours: then a pooler may be in between, which would pass
    the settings on to other clients.
    """
    connection.execute(_SET, [list(STEADY), list(STEADY.values())])


def check(connection: "psycopg.Connection[Any]", safe_url: str) -> None:
    """Raise `BenchError` if a session like this one, a backend's, cannot do its work."""
    import psycopg

    try:
        row = connection.execute(_STATE, [list(_TIMEOUTS), _SHORTEST_TIMEOUT_MS]).fetchone()
    except psycopg.Error as error:
        raise _ended(error, connection.info.user, safe_url) from None
    assert row is not None
    search_path, user, timeouts = row
    if timeouts:
        raise _too_short(timeouts[0], user, safe_url)
    if search_path != PINNED["search_path"]:
        _check_search_path(connection, safe_url)


def _check_search_path(connection: "psycopg.Connection[Any]", safe_url: str) -> None:
    """Raise `BenchError` if another user may add to the search path, which a pooler did not set."""
    unsafe = [name for (name,) in connection.execute(_OPEN_SCHEMAS).fetchall()]
    if unsafe:
        raise BenchError(
            f"others may create functions in the schema {unsafe[0]}, which the pooler at "
            f"{safe_url} keeps on the search path.\n"
            "Give the URL of the server itself, or REVOKE CREATE on that schema."
        )


def _ended(error: "psycopg.Error", user: str, safe_url: str) -> BenchError:
    """Return the error to raise if the first statement already failed."""
    for timeout, state in _TIMEOUTS.items():
        if error.sqlstate == state:
            return _too_short(timeout, user, safe_url)
    # libpq may see only that the connection is closed.
    reason = str(error).partition("\n")[0]
    return BenchError(
        f"a session of the role {user} was ended at once at {safe_url} ({reason}).\n"
        "See the server's log, and whether idle_session_timeout is short for this role."
    )


def _too_short(timeout: str, user: str, safe_url: str) -> BenchError:
    return BenchError(
        f"{timeout} is shorter than {_SHORTEST_TIMEOUT_MS} ms for the role {user} at {safe_url}: "
        "the server would end statements that are measured.\n"
        f'Type ALTER ROLE "{user}" SET {timeout} = 0, or add options=-c%20{timeout}%3D0 to the URL.'
    )
