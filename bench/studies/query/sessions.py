"""The database as a user's statement sees it, and the settings that protect it."""

import logging

from bench.model.errors import BenchError
from bench.server import settings
from bench.server.database import Database
from bench.server.pooler import check_same_database, detect, sharing_refused
from bench.server.resolution import named
from bench.server.url import build, parse

log = logging.getLogger(__name__)

_READ_ONLY = {"default_transaction_read_only": "on"}


def sessions(
    database_url: str | None,
    *,
    admin_url: str | None = None,
    allow_writes: bool,
    statement_timeout_s: float,
    search_path: str,
    unprotected: bool = False,
) -> tuple[Database, bool]:
    """Return the database with these settings for every session, and whether all are read-only.

    A session is read-only unless `allow_writes`, and ends each statement after
    `statement_timeout_s`. Unlike the sessions of `bench run` it keeps the role's search path, since
    the statement is the user's own. `search_path`: the path instead of the role's, if not empty.
    `admin_url`: the server's own URL where `database_url` leads to a pooler.

    A pooler may refuse these settings. With `allow_writes` or `unprotected` a line says so;
    otherwise `BenchError` is raised, unless read-only sessions can be had.

    Raises `UsageError` for a URL that cannot be read, and for URLs of two databases; `BenchError`
    if the server cannot be reached, or if `admin_url` is missing behind a pooler that shares
    connections.
    """
    admitted = allow_writes or unprotected
    timeout = {"statement_timeout": str(round(statement_timeout_s * 1000))}
    path = {"search_path": search_path} if search_path else {}
    read_only = {} if allow_writes else _READ_ONLY
    wanted = settings.options(timeout | read_only | path)
    own = _url(admin_url, wanted) if admin_url else None
    attempts = dict.fromkeys([wanted, settings.options(read_only), *([""] if admitted else [])])
    for added in attempts:
        database = Database(_url(database_url, added), own, tuple(attempts))
        try:
            reaching = _reaching(database)
        except BenchError as error:
            if "unsupported startup parameter" not in str(error):
                raise
            continue
        break
    else:
        raise _unprotected(database_url)
    if not (admitted or reaching["read_only"]):
        raise _unprotected(database_url)
    if not reaching["timeout"]:
        log.warning(
            "the pooler at %s passes no setting on: the measured sessions have no statement"
            " timeout%s",
            database.safe_url,
            "" if reaching["read_only"] else ", and are not read-only",
        )
    if admin_url:
        check_same_database(database)
    elif (pooler := detect(database)) and pooler.shares:
        raise sharing_refused(database, pooler)
    return database, bool(reaching["read_only"])


def _url(url: str | None, added: str) -> str:
    parameters = parse(named(url).url)
    options = f"{parameters.pop('options', '')} {added}".strip()
    return build(
        parameters | {"client_encoding": "UTF8"} | ({"options": options} if options else {})
    )


def _reaching(database: Database) -> dict[str, bool]:
    """Return which of the settings a session of the backends has."""
    with database.connect(as_backend=True) as connection:
        row = connection.execute(
            "SELECT pg_catalog.current_setting('default_transaction_read_only') = 'on',"
            " pg_catalog.current_setting('statement_timeout') <> '0'"
        ).fetchone()
    assert row is not None
    return {"read_only": row[0], "timeout": row[1]}


def _unprotected(database_url: str | None) -> BenchError:
    url = named(database_url).safe_url
    return BenchError(
        f"the sessions at {url} cannot be made read-only: a pooler refuses the setting.\n"
        "Give the URL of the server itself with --database-url, or add --allow-writes: the sessions"
        " may write then."
    )
