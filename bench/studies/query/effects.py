"""The volatile functions that a statement calls by name, and those that read-only does not stop.

A read-only session refuses writes to tables and sequences. It does not refuse locks that outlive a
transaction, notifications, or commands to the server.
"""

import re
from typing import TYPE_CHECKING, Any

from bench.model.errors import UsageError
from bench.model.sql_text import SqlText

if TYPE_CHECKING:
    import psycopg

# https://www.postgresql.org/docs/current/functions-admin.html
_OUTSIDE = re.compile(
    r"pg_(try_)?advisory_(xact_)?lock(_shared)?|pg_notify|pg_(cancel|terminate)_backend|set_config"
    r"|pg_reload_conf|pg_rotate_logfile|pg_switch_wal|pg_promote|pg_create_restore_point"
    r"|pg_backup_(start|stop)|pg_wal_replay_(pause|resume)|pg_log_\w+|pg_stat_reset\w*"
    r"|pg_(create|copy|drop|sync)_\w*replication_slots?|pg_replication_(slot|origin)_\w+"
    r"|pg_logical_slot_get_\w+|pg_logical_emit_message|lo_export|dblink\w*"
)
_NAME = r'[^\W\d][\w$]*|"(?:[^"]|"")+"'
_CALL = re.compile(rf"(?:({_NAME})\s*\.\s*)?({_NAME})\s*\(")

_VOLATILE = """
    SELECT DISTINCT n.nspname::text, p.proname::text FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN unnest(%s::text[], %s::text[]) AS called (schema, name) ON p.proname = called.name
        AND CASE WHEN called.schema = '' THEN pg_catalog.pg_function_is_visible(p.oid)
            ELSE n.nspname = called.schema END
    WHERE p.provolatile = 'v' ORDER BY 2
"""


def volatile_calls(connection: "psycopg.Connection[Any]", statement: SqlText) -> tuple[str, ...]:
    """Return the user's own volatile functions that the statement names; not the server's.

    Functions that a view or another function calls are not seen.

    Raises `UsageError` if the statement names a function of the server with an effect outside its
    transaction. Call it only if writes are not allowed.
    """
    calls = [(_plain(schema or ""), _plain(name)) for schema, name in _CALL.findall(statement.bare)]
    if not calls:
        return ()
    schemas, names = zip(*calls, strict=True)
    found = connection.execute(_VOLATILE, [list(schemas), list(names)]).fetchall()
    if outside := [name for _, name in found if _OUTSIDE.fullmatch(name)]:
        raise UsageError(
            f"the statement calls {outside[0]}(), whose effect is outside of its transaction: a"
            " read-only session does not prevent it.\n"
            f"Leave {outside[0]}() out, or add --allow-writes."
        )
    return tuple(name for schema, name in found if schema != "pg_catalog")


def _plain(name: str) -> str:
    """Return a name of SQL as the catalogue has it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
