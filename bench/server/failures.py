"""Errors that a server raises during the work, as messages: what happened, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.model.errors import BenchError
from bench.server.url import redact

if TYPE_CHECKING:
    import psycopg

# By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_MEANINGS = {
    "53100": ("the server's disk is full", "Free space there, or choose a smaller --scale."),
    "53200": ("the server is out of memory", "Lower --concurrency or --scale; see its log."),
    "53300": ("no connection is free", "Lower --concurrency, or raise max_connections."),
    "57014": (
        "the server cancelled a statement",
        "Another user cancelled it, or this user's statement_timeout is too short: see its log.",
    ),
    "58030": ("the server cannot read or write its files", "See its log, and its disk."),
    "42501": ("this user may not do that", "Connect as the owner of the schema gatherbench."),
    "25P03": (
        "the server ended a session that waited in a transaction",
        "Raise idle_in_transaction_session_timeout for this user.",
    ),
    "25006": ("this session may only read", "Connect as a user that may write there."),
}


@contextmanager
def explained(url: str, safe_url: str) -> Iterator[None]:
    """Raise errors of the server in the block as `BenchError` with two lines."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise _explanation(error, url, safe_url) from None  # the cause may quote the password


def first_line(error: BaseException, url: str) -> str:
    """Return the first line of an error, without the secrets of `url`."""
    return redact(str(error).strip().partition("\n")[0], url)


def _explanation(error: "psycopg.Error", url: str, safe_url: str) -> BenchError:
    import psycopg

    reason = first_line(error, url) or type(error).__name__
    if known := _MEANINGS.get(error.sqlstate or ""):
        what, cure = known
        return BenchError(f"{what} at {safe_url} ({reason}).\n{cure}")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return BenchError(
            f"lost the server at {safe_url} ({reason}).\n"
            "See its log; what was finished before is kept."
        )
    return BenchError(
        f"the server at {safe_url} refused a statement of bench ({reason}).\n"
        "See its log; what was finished before is kept."
    )
