"""A check of the schema's owner, whose functions could run with this user's rights."""

from typing import TYPE_CHECKING, Any

from accessors.sql import SCHEMA
from bench.model.errors import BenchError

if TYPE_CHECKING:
    import psycopg


def check_owner(connection: "psycopg.Connection[Any]") -> None:
    """Raise `BenchError` if a role that this user does not trust could have put triggers here.

    The mark is public. A role that may create a schema can create one with our mark, and triggers
    in it that run with the rights of the user who loads the rows.
    """
    row = connection.execute(
        "SELECT r.rolname, current_user FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner"
        f" WHERE n.nspname = '{SCHEMA}' AND r.rolname <> current_user AND NOT r.rolsuper"
        " AND NOT (pg_has_role(r.oid, 'USAGE')"
        " AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))"
    ).fetchone()
    if row is not None:
        owner, user = row
        raise BenchError(
            f"schema {SCHEMA} belongs to the role {owner}, which could run its own functions as "
            f"{user}.\nConnect as {owner}, or type `bench db reset` to create it again."
        )
