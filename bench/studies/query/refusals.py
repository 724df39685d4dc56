"""The server's errors about a user's statement, as messages: what happened, and what to type."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.model.errors import BenchError, UsageError
from bench.server.database import Database
from bench.server.failures import first_line

if TYPE_CHECKING:
    import psycopg

_SHOWN = 30
"""Characters of the statement that are shown on each side of an error."""

# By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_ADVICE = {
    "42601": "Correct the statement: its syntax is not PostgreSQL's.",
    "42P01": "Check the name and its schema, or choose another database with --database-url.",
    "42P02": "Write a value there: only the measured statement has parameters.",
    "42703": "Check the name of the column.",
    "42883": "Check the name of the function and the types of its arguments; a cast may help.",
    "42501": "Connect as a role that may read it (--database-url), or GRANT SELECT to this role.",
    "42P18": "Write the parameter's type in the statement, as in $1::integer.",
    "42804": "Write a cast in the statement, as in $1::integer.",
    "25006": "Sessions are read-only. For SELECT ... FOR UPDATE, or a function that writes, add"
    " --allow-writes.",
    "55P03": "Another session holds the lock: end its transaction, or leave FOR UPDATE out.",
    "57014": "Raise --statement-timeout, or make the statement faster: a LIMIT, or an index.",
    "57P01": "The session was ended: by an administrator, or by the statement itself.",
    "53100": "Free space on the server's disk, or sort and join fewer rows.",
    "54000": "Select fewer columns or smaller values.",
    "53200": "See the server's log, and lower work_mem or the number of rows.",
}
_TIMED_OUT, _READ_ONLY = "57014", "25006"
_OTHER_PARAMETER = re.compile(r"%s|%\(\w+\)s|[=<>(,]\s*\?")
"""A parameter as Python's drivers or JDBC write it."""


@contextmanager
def explained(
    database: Database, statement: str, what: str = "the statement", advice: str = ""
) -> Iterator[None]:
    """Raise errors of the server in the block as errors with two lines.

    `statement`: the user's text, to quote the place of an error; empty if the server was given
    another. `what`: its name in the message. `advice`: the second line for wrong values.
    """
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise _explanation(error, database, statement, what, advice) from None


def _explanation(
    error: "psycopg.Error", database: Database, statement: str, what: str, for_values: str
) -> BenchError:
    import psycopg

    state = error.sqlstate or ""
    # A function of the user's may raise a text of several lines.
    primary = " ".join((error.diag.message_primary or "").split())
    reason = primary or first_line(error, database.url)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not state:
        return BenchError(
            f"lost the server at {database.safe_url} ({reason}).\nSee its log, and try again."
        )
    if state == _TIMED_OUT and "user request" not in reason:
        reason = "it did not end within --statement-timeout"
    position = error.diag.statement_position
    where = _place(statement, int(position)) if position and statement else ""
    hint = " ".join((error.diag.message_hint or "").split())
    if state == "0A000" and "WITH" in reason:
        hint = "A WITH that writes cannot be measured here: leave the writing part out."
    if state == "42601" and "INTO" in reason:
        hint = "Leave INTO out: nothing is created in your database."
    elif state == "42601" and _OTHER_PARAMETER.search(statement):
        hint = "Write a parameter as $1 or as :name, and its value with --arguments."
    if "invalid memory alloc request" in reason:
        hint = "A value or a row is larger than PostgreSQL can hold (1 GB): ask for less of it."
    if "user request" in reason:
        hint = "Somebody cancelled it, or the statement itself: run it again, or correct it."
    elif state[:2] == "22" and for_values:
        hint = for_values
    usual = _ADVICE.get(state, "")
    if state == _READ_ONLY and "default_transaction_read_only" not in database.url:
        usual = "The server is a standby, or the role is read-only: choose another."
    if hint and state in ("42601", _TIMED_OUT):
        usual = ""
    advice = usual or hint or "Try it in psql, and correct it."
    # A statement that the server refuses as it was typed is wrong usage; the rest is a failed run.
    kind = UsageError if state[:2] in {"42", "25", "0A", "22", "3F"} else BenchError
    return kind(f"{what} failed: {reason}{where}.\n{advice}")


def _place(statement: str, position: int) -> str:
    """Return the line of the error, and the text around it with a mark before the place."""
    at = position - 1
    line = statement.count("\n", 0, at) + 1
    before = " ".join(statement[max(0, at - _SHOWN) : at].split())
    after = " ".join(statement[at : at + _SHOWN].split())
    return f" (line {line}: {before} >>{after})"
