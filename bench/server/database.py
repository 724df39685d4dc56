"""A PostgreSQL database named by its URL. Every error has two lines: what happened, what to do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.model.errors import BenchError, UsageError
from bench.server import settings
from bench.server.connection_limits import ConnectionLimit, connection_limits, cure, tightest
from bench.server.drivers import driver_url
from bench.server.failures import explained
from bench.server.refusals import cannot_connect
from bench.server.url import build, masked, parse, redact

if TYPE_CHECKING:
    import psycopg

__all__ = ["Database", "postmaster_pid", "redact"]

# Expected answers are written with trim_scale(), new in 13; tests/versions tests each version.
OLDEST_SERVER = 13
_CONNECT_TIMEOUT_S = 5
_CLOCKS_AGREE_S = 2
_PINNED = settings.options(settings.PINNED)


@dataclass(frozen=True)
class Database:
    """A database by its libpq URL. Make one with `resolution.resolve`, which also checks it."""

    url: str = field(repr=False)
    """A libpq URL; it may hold a password. `driver_url` makes each driver's URL from it."""
    admin_url: str | None = field(default=None, repr=False)
    """The server's own URL, for the connections of the command itself, where `url` leads to a
    pooler. None: they use `url` too."""
    added: tuple[str, ...] = field(default=(_PINNED,), repr=False)
    """The texts that we may have added to `options`: a URL that is shown is without the first that
    is its end."""

    @property
    def safe_url(self) -> str:
        """The URL to show: `***` for every password, and without the settings that we add."""
        return _safe(self.url, self.added)

    @property
    def own(self) -> "Database":
        """The database by the URL that the command's own connections use."""
        return replace(self, url=self.admin_url, admin_url=None) if self.admin_url else self

    def safe(self, text: str) -> str:
        """Return the text with `***` for every secret of both URLs."""
        return redact(redact(text, self.url), self.own.url)

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
        the settings and the URL of the backends' sessions instead. No statement is prepared, as a
        pooler may change the server session between two transactions. Raises `BenchError` if no
        connection can be made, or if the server is older than PostgreSQL 13.
        """
        import psycopg

        url = self.url if as_backend else self.own.url
        changes = {"application_name": application_name}
        if "connect_timeout" not in parse(url):
            changes["connect_timeout"] = str(_CONNECT_TIMEOUT_S)
        try:
            connection = psycopg.connect(
                driver_url(url, "psycopg", **changes), autocommit=True, prepare_threshold=None
            )
            if not as_backend:
                settings.steady(connection)
        except psycopg.Error as error:
            # The cause may quote the password.
            raise cannot_connect(error, url, _safe(url, self.added)) from None
        if connection.info.server_version < OLDEST_SERVER * 10_000:
            version = connection.info.parameter_status("server_version")
            connection.close()
            raise BenchError(
                f"{_safe(url, self.added)} is PostgreSQL {version}, older than {OLDEST_SERVER}.\n"
                "Pass another --database-url, or leave it out for the embedded server."
            )
        connection.autocommit = autocommit
        return connection

    @contextmanager
    def session(self) -> "Iterator[psycopg.Connection]":
        """Give a connection for the block. Errors of the server are raised as `BenchError`."""
        with self.connect() as connection, explained(self.own.url, self.own.safe_url):
            yield connection

    def url_for(self, driver: str) -> str:
        """Return the URL for this driver's `connect`.

        Raises `UsageError` if the driver lacks a parameter that protects the connection.
        """
        return driver_url(self.url, driver)

    def check_capacity(self, connections: int) -> None:
        """Raise `BenchError` if the server has fewer free connections than `connections`."""
        limits = self.connection_limits()
        if (limit := tightest(limits)).free < connections:
            raise BenchError(
                f"{connections} connections are needed, {limit.free} are free at {self.safe_url} "
                f"({limit}).\n"
                f"Lower --concurrency, close other clients, or {cure(limits, connections)}."
            )

    def free_connections(self) -> int:
        """Return the number of free connections, without those reserved for superusers."""
        return tightest(self.connection_limits()).free

    def connection_limits(self) -> list[ConnectionLimit]:
        """Return the limits on our own connections: the server's, the role's, the database's."""
        with self.connect() as connection:
            return connection_limits(connection)


def _safe(url: str, added: Sequence[str]) -> str:
    """Return the URL with `***` for every password, and without the settings that we added."""
    try:
        shown = parse(url)
    except UsageError:
        return masked(url)
    options = shown.get("options", "")
    ours = next((text for text in added if options.endswith(text)), "")
    shown["options"] = options.removesuffix(ours).rstrip()
    if shown.get("client_encoding") == settings.ENCODING:
        del shown["client_encoding"]
    return masked(build({name: shown[name] for name in shown if shown[name]}))


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
