"""The limits on connections that a server has: its own, the role's and the database's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

# The server hides most columns of other users' rows. It always shows these, and fills them only for
# client connections. A role's limit counts by the role that has logged in, whatever SET ROLE did.
_LIMITS = """
    with others as (
        select usesysid, datid from pg_stat_activity
        where datid is not null and usesysid is not null and pid <> pg_backend_pid()
    )
    select current_setting('max_connections')::int,
           current_setting('superuser_reserved_connections')::int
               + coalesce(current_setting('reserved_connections', true)::int, 0),
           (select count(*)::int from others),
           r.rolname, case when r.rolsuper then -1 else r.rolconnlimit end,
           (select count(*)::int from others where usesysid = r.oid),
           d.datname, case when r.rolsuper then -1 else d.datconnlimit end,
           (select count(*)::int from others where datid = d.oid)
    from pg_roles r, pg_database d
    where r.rolname = session_user and d.datname = current_database()
"""


@dataclass(frozen=True)
class ConnectionLimit:
    """A limit on connections, and how many of them are taken."""

    setting: str
    """The setting that has the limit, as in `max_connections`."""
    most: int
    reserved: int
    """The connections that are kept for superusers and for roles with a right to them."""
    used: int
    """The connections of others. The one that asked does not count."""
    change: str
    """The words that change the limit, without its new value at their end."""

    @property
    def free(self) -> int:
        """The number of connections that can still be made."""
        return max(0, self.most - self.reserved - self.used)

    def __str__(self) -> str:
        reserved = f", reserved {self.reserved}" if self.reserved else ""
        return f"{self.setting} {self.most}{reserved}, in use {self.used}"

    def raised(self, connections: int) -> str:
        """Return what to do so that so many connections can be made."""
        return f"{self.change} {self.reserved + self.used + connections}"


def connection_limits(connection: "psycopg.Connection[Any]") -> list[ConnectionLimit]:
    """Return the limits on connections of this session's role to its database.

    A superuser has the server's limit alone
    (https://www.postgresql.org/docs/current/sql-createrole.html).
    """
    row = connection.execute(_LIMITS).fetchone()
    assert row is not None
    most, reserved, used, role, of_role, used_by_role, name, of_database, used_there = row
    limits = [ConnectionLimit("max_connections", most, reserved, used, "set max_connections =")]
    for kind, named, limit, taken in (
        ("role", role, of_role, used_by_role),
        ("database", name, of_database, used_there),
    ):
        if limit >= 0:
            quoted = '"' + named.replace('"', '""') + '"'
            change = f"type ALTER {kind.upper()} {quoted} CONNECTION LIMIT"
            setting = f"CONNECTION LIMIT of the {kind} {named}"
            limits.append(ConnectionLimit(setting, limit, 0, taken, change))
    return limits


def tightest(limits: Sequence[ConnectionLimit]) -> ConnectionLimit:
    """Return the limit that the fewest connections are left of."""
    return min(limits, key=lambda limit: limit.free)


def cure(limits: Sequence[ConnectionLimit], connections: int) -> str:
    """Return what to do about each limit that is too low for so many more connections."""
    short = [limit for limit in limits if limit.free < connections]
    return " and ".join(limit.raised(connections) for limit in short)
