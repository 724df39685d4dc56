"""A PostgreSQL one can connect to, named by its URL; what goes wrong is said in two lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.model.errors import BenchError
from bench.server.url import masked, normalised, redact, unreadable

if TYPE_CHECKING:
    import psycopg

__all__ = ["Database", "postmaster_pid", "redact", "resolve"]

OLDEST_SERVER = 12
_CONNECT_TIMEOUT_S = 5
_CLOCKS_AGREE_S = 2

# Words of the server or of libpq, what they mean, and what to do. Failures to connect carry no
# SQLSTATE, and a server that speaks another language is quoted as it is.
_FAILURES = (
    ("password authentication failed", "wrong user or password for", "Check them in the URL."),
    ("no password supplied", "no password given for", "Add it: postgresql://user:password@..."),
    ("no pg_hba.conf entry", "this user may not connect to", "See pg_hba.conf on the server."),
    ("Peer authentication failed", "this user may not connect to", "Connect as its owner."),
    ("does not exist", "no such database or user at", "Check the URL, or `createdb` it."),
    ("too many clients", "no connection is free at", "Close others, or raise max_connections."),
    ("remaining connection slots", "no connection is free at", "Close others."),
    ("starting up", "the server is still starting at", "Try again in a moment."),
    ("timeout", "no answer in time from", "Check host, port and firewall."),
    ("resolve host", "no such host in", "Check the host's name in the URL."),
    (
        "",
        "cannot connect to",
        "Check the URL and that the server runs, or leave --database-url out.",
    ),
)


@dataclass(frozen=True)
class Database:
    """A database by its libpq URL. Make one with `resolve`, which also checks the URL's form."""

    url: str = field(repr=False)

    @property
    def safe_url(self) -> str:
        """The URL to show: every password in it is `***`."""
        return masked(self.url)

    def __repr__(self) -> str:
        return f"Database({self.safe_url!r})"

    def connect(
        self, *, autocommit: bool = True, application_name: str = "gatherbench"
    ) -> "psycopg.Connection":
        """A new connection, or BenchError. Waits 5 s at most, unless the URL says otherwise."""
        import psycopg

        options: dict[str, Any] = {"application_name": application_name}
        if "connect_timeout" not in parameters(self.url):
            options["connect_timeout"] = _CONNECT_TIMEOUT_S
        try:
            connection = psycopg.connect(self.url, autocommit=autocommit, **options)
        except psycopg.Error as error:
            raise self._failure(str(error)) from None  # the cause may quote the password
        if connection.info.server_version < OLDEST_SERVER * 10_000:
            found = connection.info.parameter_status("server_version")
            connection.close()
            raise BenchError(
                f"{self.safe_url} is PostgreSQL {found}, older than {OLDEST_SERVER}.\n"
                "Pass another --database-url, or leave it out for the embedded server."
            )
        return connection

    @contextmanager
    def session(self) -> "Iterator[psycopg.Connection]":
        """A connection that ends on leaving; BenchError, too, when the server ends it before."""
        import psycopg

        with self.connect() as connection:
            try:
                yield connection
            except psycopg.OperationalError as error:
                reason = redact(str(error).partition("\n")[0], self.url)
                raise BenchError(
                    f"lost the server at {self.safe_url} ({reason}).\n"
                    "See its log; what was finished before is kept."
                ) from None

    def check_capacity(self, connections: int) -> None:
        """Raise BenchError when the server has fewer free connections than are needed."""
        limit, reserved, used = self._connections()
        free = max(0, limit - reserved - used)
        if free < connections:
            raise BenchError(
                f"{connections} connections are needed, {free} are free at {self.safe_url} "
                f"(max_connections {limit}, reserved {reserved}, in use {used}).\n"
                "Lower --concurrency, close other clients, or raise max_connections."
            )

    def free_connections(self) -> int:
        """How many more connections the server takes, those reserved for superusers left out."""
        limit, reserved, used = self._connections()
        return max(0, limit - reserved - used)

    def _connections(self) -> tuple[int, int, int]:
        """The server's limit, how many of them are reserved, how many others are in use."""
        with self.connect() as connection:
            row = connection.execute(_CAPACITY).fetchone()
        assert row is not None
        return row[0], row[1], row[2]

    def _failure(self, said: str) -> BenchError:
        lines = [line for line in said.strip().splitlines() if "Is the server running" not in line]
        reason = redact(lines[-1].rpartition(" failed: ")[2].strip(), self.url)
        _, what, advice = next(known for known in _FAILURES if known[0] in said)
        return BenchError(f"{what} {self.safe_url} ({reason}).\n{advice}")


# Rows of other users hide most columns; these two are always shown, and only for connections.
_CAPACITY = """
    select current_setting('max_connections')::int,
           current_setting('superuser_reserved_connections')::int
               + coalesce(current_setting('reserved_connections', true)::int, 0),
           (select count(*)::int from pg_stat_activity
             where datid is not null and usesysid is not null and pid <> pg_backend_pid())
"""


def resolve(database_url: str | None) -> Database:
    """The database to use: the one named, else the embedded server's, started when it is not up."""
    if database_url:
        url = normalised(database_url)
        parameters(url)
        return Database(url)
    from bench.server.embedded import EmbeddedServer, default_folder

    return Database(EmbeddedServer(default_folder()).start())


def parameters(url: str) -> dict[str, Any]:
    """What libpq reads in `url`. UsageError, without a word of the URL, when it can't read it."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = conninfo_to_dict(url)
        for port in str(found.get("port") or "").split(","):
            int(port or 0)
    except (psycopg.Error, ValueError):
        raise unreadable() from None
    return found


def postmaster_pid(connection: "psycopg.Connection") -> int | None:
    """The pid of the server behind `connection` if it runs on this machine, else None."""
    import psutil

    row = connection.execute(
        "select pg_backend_pid(), extract(epoch from pg_postmaster_start_time())::float8"
    ).fetchone()
    assert row is not None
    backend, started = row
    try:
        parent = psutil.Process(backend).parent()
        if parent is None or not parent.name().startswith(("postgres", "postmaster")):
            return None
        # A remote server's backend may share its pid with some process here: the start tells.
        return parent.pid if abs(parent.create_time() - started) <= _CLOCKS_AGREE_S else None
    except psutil.Error:
        return None
