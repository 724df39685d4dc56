"""A PostgreSQL database named by its URL. Every error has two lines: what happened, what to do."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.model.errors import BenchError, UsageError
from bench.server import settings
from bench.server.drivers import check_drivers, driver_url
from bench.server.failures import explained
from bench.server.lookup import looked_up
from bench.server.refusals import cannot_connect
from bench.server.url import build, changed, masked, parse, redact

if TYPE_CHECKING:
    import psycopg

__all__ = ["Database", "named", "postmaster_pid", "redact", "resolve"]

# Expected answers are written with trim_scale(), new in 13; tests/versions tests each version.
OLDEST_SERVER = 13
_CONNECT_TIMEOUT_S = 5
_CLOCKS_AGREE_S = 2
_PINNED = settings.options(settings.PINNED)
_ENCODING = "UTF8"


@dataclass(frozen=True)
class Database:
    """A database by its libpq URL. Make one with `resolve`, which also checks the URL's form."""

    url: str = field(repr=False)
    """A libpq URL; it may hold a password. `driver_url` makes each driver's URL from it."""

    @property
    def safe_url(self) -> str:
        """The URL to show: `***` for every password, and without the settings that we add."""
        try:
            shown = parse(self.url)
        except UsageError:
            return masked(self.url)
        shown["options"] = shown.get("options", "").removesuffix(_PINNED).rstrip()
        if shown.get("client_encoding") == _ENCODING:
            del shown["client_encoding"]
        return masked(build({name: shown[name] for name in shown if shown[name]}))

    def __repr__(self) -> str:
        return f"Database({self.safe_url!r})"

    def connect(
        self,
        *,
        autocommit: bool = True,
        application_name: str = "gatherbench",
        as_backend: bool = False,
    ) -> "psycopg.Connection":
        """Return a new connection. Waits 5 s at most, unless the URL has a `connect_timeout`.

        The session has the settings `settings.STEADY`, not those of the role. `as_backend`: it has
        the settings of the backends' sessions instead. Raises `BenchError` if no connection can be
        made, or if the server is older than PostgreSQL 13.
        """
        import psycopg

        changes = {"application_name": application_name}
        if "connect_timeout" not in parse(self.url):
            changes["connect_timeout"] = str(_CONNECT_TIMEOUT_S)
        try:
            connection = psycopg.connect(
                driver_url(self.url, "psycopg", **changes), autocommit=True
            )
            if not as_backend:
                settings.steady(connection)
        except psycopg.Error as error:
            raise cannot_connect(
                error, self.url, self.safe_url
            ) from None  # the cause may quote the password
        if connection.info.server_version < OLDEST_SERVER * 10_000:
            version = connection.info.parameter_status("server_version")
            connection.close()
            raise BenchError(
                f"{self.safe_url} is PostgreSQL {version}, older than {OLDEST_SERVER}.\n"
                "Pass another --database-url, or leave it out for the embedded server."
            )
        connection.autocommit = autocommit
        return connection

    @contextmanager
    def session(self) -> "Iterator[psycopg.Connection]":
        """Give a connection for the block. Errors of the server are raised as `BenchError`."""
        with self.connect() as connection, explained(self.url, self.safe_url):
            yield connection

    def url_for(self, driver: str) -> str:
        """Return the URL for this driver's `connect`.

        Raises `UsageError` if the driver lacks a parameter that protects the connection.
        """
        return driver_url(self.url, driver)

    def check_capacity(self, connections: int) -> None:
        """Raise `BenchError` if the server has fewer free connections than `connections`."""
        limit, reserved, used = self._connections()
        free = max(0, limit - reserved - used)
        if free < connections:
            raise BenchError(
                f"{connections} connections are needed, {free} are free at {self.safe_url} "
                f"(max_connections {limit}, reserved {reserved}, in use {used}).\n"
                "Lower --concurrency, close other clients, or raise max_connections."
            )

    def free_connections(self) -> int:
        """Return the number of free connections, without those reserved for superusers."""
        limit, reserved, used = self._connections()
        return max(0, limit - reserved - used)

    def _connections(self) -> tuple[int, int, int]:
        """Return the server's limit, the number reserved, and the number that others use."""
        with self.connect() as connection:
            row = connection.execute(_CAPACITY).fetchone()
        assert row is not None
        return row[0], row[1], row[2]


# The server hides most columns of other users' rows. It always shows these two, and fills them
# only for client connections.
_CAPACITY = """
    select current_setting('max_connections')::int,
           current_setting('superuser_reserved_connections')::int
               + coalesce(current_setting('reserved_connections', true)::int, 0),
           (select count(*)::int from pg_stat_activity
             where datid is not null and usesysid is not null and pid <> pg_backend_pid())
"""


def named(database_url: str | None, clients: int = 0) -> Database:
    """Return the database that the URL names, or without a URL the embedded server's.

    Starts the embedded server if it is not running, with connections for so many `clients`. Raises
    `UsageError` for a URL that cannot be read.
    """
    if database_url:
        parameters = parse(database_url)
    else:
        from bench.server.embedded import EmbeddedServer, default_folder

        parameters = parse(EmbeddedServer(default_folder()).start(clients))
    return Database(build(looked_up(parameters)))


def resolve(database_url: str | None, drivers: Iterable[str] = (), clients: int = 0) -> Database:
    """Return the same database with our settings for every session, after a check of one session.

    `drivers`: the drivers that will connect to it. A parameter that a driver lacks is logged, or
    refused with `UsageError` if it protects the connection. Raises `BenchError` if the server
    cannot be reached, or if a session cannot do its work.
    """
    parameters = parse(named(database_url, clients).url)
    # Columns must arrive as text, even from a database without an encoding (SQL_ASCII), and every
    # driver must get the same bytes. asyncpg knows no encoding but UTF-8.
    parameters["client_encoding"] = _ENCODING
    plain = Database(build(parameters))
    check_drivers(plain.url, drivers)
    options = f"{parameters.get('options', '')} {_PINNED}".strip()
    pinned = Database(changed(plain.url, options=options))
    try:
        with pinned.connect(as_backend=True) as connection:
            settings.check(connection, plain.safe_url)
        return pinned
    except BenchError as error:
        if "unsupported startup parameter" not in str(error):
            raise
    # A pooler admits no settings. That is safe if no other user can add to the search path.
    with plain.connect() as connection:
        settings.check(connection, plain.safe_url)
    return plain


def postmaster_pid(connection: "psycopg.Connection") -> int | None:
    """Return the pid of the connection's server if it runs on this machine, else None."""
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
        # A remote server's process may have the pid of a process here: compare the start times.
        return parent.pid if abs(parent.create_time() - started) <= _CLOCKS_AGREE_S else None
    except psutil.Error:
        return None
