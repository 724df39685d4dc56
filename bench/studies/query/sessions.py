"""The database as a user's statement sees it, and the settings that protect it."""

from bench.model.errors import BenchError
from bench.server import settings
from bench.server.database import Database, named
from bench.server.url import build, parse


def sessions(
    database_url: str | None, *, allow_writes: bool, statement_timeout_s: float, search_path: str
) -> Database:
    """Return the database with these settings for every session, after a look at one session.

    A session is read-only unless `allow_writes`, and ends each statement after
    `statement_timeout_s`. Unlike the sessions of `bench run` it keeps the role's search path, since
    the statement is the user's own. `search_path`: the path instead of the role's, if not empty.

    Raises `UsageError` for a URL that cannot be read, and `BenchError` if the server cannot be
    reached, or if the settings do not reach the session.
    """
    parameters = parse(named(database_url).url)
    protecting = {"statement_timeout": str(round(statement_timeout_s * 1000))}
    if not allow_writes:
        protecting["default_transaction_read_only"] = "on"
    if search_path:
        protecting["search_path"] = search_path
    options = f"{parameters.get('options', '')} {settings.options(protecting)}".strip()
    parameters |= {"client_encoding": "UTF8", "options": options}
    database = Database(build(parameters))
    try:
        with database.connect(as_backend=True) as connection:
            row = connection.execute(
                "SELECT pg_catalog.current_setting('default_transaction_read_only')"
            ).fetchone()
    except BenchError as error:
        if "unsupported startup parameter" not in str(error):
            raise
        raise _unprotected(database) from None
    if not allow_writes and row != ("on",):
        raise _unprotected(database)
    return database


def _unprotected(database: Database) -> BenchError:
    return BenchError(
        f"the sessions at {database.safe_url} cannot be made read-only: a pooler refuses the"
        " setting.\nGive the URL of the server itself with --database-url."
    )
