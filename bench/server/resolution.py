"""The database that a command uses: named by a URL, or the embedded server's, and checked."""

from collections.abc import Iterable

from bench.model.errors import BenchError, UsageError
from bench.server import settings
from bench.server.database import Database
from bench.server.drivers import check_drivers
from bench.server.lookup import looked_up
from bench.server.pooler import check_same_database
from bench.server.url import HIDDEN, SECRETS, build, changed, parse

_PINNED = settings.options(settings.PINNED)


def named(database_url: str | None, clients: int = 0) -> Database:
    """Return the database that the URL names, or without a URL the embedded server's.

    Starts the embedded server if it is not running, with connections for so many `clients`. Raises
    `UsageError` for a URL that cannot be read.
    """
    if database_url:
        parameters = parse(database_url)
        if HIDDEN in (parameters.get(name) for name in SECRETS):
            raise UsageError(
                f"the database URL has {HIDDEN} in place of a password, as commands are shown.\n"
                "Write the password, or name the URL in DATABASE_URL and leave the option out."
            )
    else:
        from bench.server.embedded import EmbeddedServer, default_folder

        parameters = parse(EmbeddedServer(default_folder()).start(clients))
    return Database(build(looked_up(parameters)))


def resolve(
    database_url: str | None,
    drivers: Iterable[str] = (),
    clients: int = 0,
    *,
    admin_url: str | None = None,
) -> Database:
    """Return the database with our settings for every session, after a check of both URLs.

    `clients`: the connections that the command will open. Raises as `_resolved`, and `UsageError`
    if the URLs lead to different databases.
    """
    database = _resolved(database_url, drivers, clients)
    if admin_url is None:
        return database
    both = Database(database.url, _resolved(admin_url, (), 0).url)
    check_same_database(both)
    return both


def _resolved(database_url: str | None, drivers: Iterable[str], clients: int) -> Database:
    """Return the same database with our settings for every session, after a check of one session.

    `drivers`: the drivers that will connect to it. A parameter that a driver lacks is logged, or
    refused with `UsageError` if it protects the connection. Raises `BenchError` if the server
    cannot be reached, or if a session cannot do its work.
    """
    parameters = parse(named(database_url, clients).url)
    # Columns must arrive as text, even from a database without an encoding (SQL_ASCII).
    parameters["client_encoding"] = settings.ENCODING
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
