"""A PostgreSQL one can connect to, named by its URL; what goes wrong is said in two lines."""

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
    """A libpq URL; it may hold a password. The drivers' own are made of it by `driver_url`."""

    @property
    def safe_url(self) -> str:
        """The URL to show: every password in it is `***`, and our own settings are left out."""
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
        """A new connection, or BenchError. Waits 5 s at most, unless the URL says otherwise.

        Its settings are `settings.STEADY`, whatever the role's. `as_backend`: the settings are
        those that the backends' sessions have.
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
            raise cannot_connect(error, self) from None  # the cause may quote the password
        if connection.info.server_version < OLDEST_SERVER * 10_000:
            found = connection.info.parameter_status("server_version")
            connection.close()
            raise BenchError(
                f"{self.safe_url} is PostgreSQL {found}, older than {OLDEST_SERVER}.\n"
                "Pass another --database-url, or leave it out for the embedded server."
            )
        connection.autocommit = autocommit
        return connection

    @contextmanager
    def session(self) -> "Iterator[psycopg.Connection]":
        """A connection that ends on leaving. What the server refuses is raised as BenchError."""
        with self.connect() as connection, explained(self.url, self.safe_url):
            yield connection

    def url_for(self, driver: str) -> str:
        """The URL for this driver's own `connect`; UsageError where it lacks what protects."""
        return driver_url(self.url, driver)

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


# Rows of other users hide most columns; these two are always shown, and only for connections.
_CAPACITY = """
    select current_setting('max_connections')::int,
           current_setting('superuser_reserved_connections')::int
               + coalesce(current_setting('reserved_connections', true)::int, 0),
           (select count(*)::int from pg_stat_activity
             where datid is not null and usesysid is not null and pid <> pg_backend_pid())
"""


def named(database_url: str | None) -> Database:
    """The database that the user means: the one named, else the embedded server's.

    The embedded server is started when it is not up. UsageError when the URL cannot be read.
    """
    if database_url:
        parameters = parse(database_url)
    else:
        from bench.server.embedded import EmbeddedServer, default_folder

        parameters = parse(EmbeddedServer(default_folder()).start())
    return Database(build(looked_up(parameters)))


def resolve(database_url: str | None, drivers: Iterable[str] = ()) -> Database:
    """The same to work on: every session has our settings, and a first one was fit for work.

    `drivers`: those that will be given its URL; what they lack is said, or refused with UsageError.
    Raises BenchError when the server cannot be reached, or a session could not do its work.
    """
    parameters = parse(named(database_url).url)
    # Columns have to arrive as text, also from a database without an encoding (SQL_ASCII), and the
    # same bytes have to be sent to every driver; asyncpg has no other encoding.
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
    # A pooler admits no settings: that is well where nobody can add to the search path.
    with plain.connect() as connection:
        settings.check(connection, plain.safe_url)
    return plain


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
