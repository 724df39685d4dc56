"""Errors of connecting, as messages of two lines: what happened where, and what to do."""

from typing import TYPE_CHECKING, Any

from bench.model.errors import BenchError
from bench.server.url import redact

if TYPE_CHECKING:
    import psycopg

# Words of the server or of libpq, their meaning, and what to do. Errors of connecting have no
# SQLSTATE, so their text is searched; text in another language is quoted. The first match counts.
_CONNECTING = (
    ("password authentication failed", "wrong user or password for", "Check them in the URL."),
    ("no password supplied", "no password given for", "Add it: postgresql://user:password@..."),
    ("no pg_hba.conf entry", "this user may not connect to", "See pg_hba.conf on the server."),
    ("Peer authentication failed", "this user may not connect to", "Connect as its owner."),
    (
        "root certificate",
        "there is no root certificate to check the server with, for",
        "Add sslrootcert=/path/to/root.crt to the URL, or sslrootcert=system for those of the "
        "operating system.",
    ),
    (
        "certificate verify failed",
        "the certificate does not come from a known authority, at",
        "Check sslrootcert in the URL: it names the file with the authority's certificate.",
    ),
    (
        "does not match host name",
        "the certificate is not for this host, at",
        "Use the name in the certificate as the host, or sslmode=verify-ca.",
    ),
    (
        "server does not support SSL",
        "the server has no TLS, at",
        "Switch it on there (ssl = on), or choose sslmode=prefer.",
    ),
    ("SSL required", "a pooler asks for TLS at", "Add sslmode=require to the URL."),
    (
        "GSSAPI",
        "there is no encryption by GSSAPI at",
        "Remove gssencmode from the URL, or get a ticket with kinit.",
    ),
    (
        "channel binding",
        "the server cannot do the channel binding that the URL asks for, at",
        "It needs TLS and scram-sha-256: add sslmode=require, or remove channel_binding.",
    ),
    (
        "authentication method requirement",
        "the server asks for another authentication than the URL's require_auth, at",
        "Correct require_auth, or pg_hba.conf on the server.",
    ),
    (
        "unsupported startup parameter",
        "a pooler refuses settings of the session at",
        "Give the URL of the server itself.",
    ),
    (
        "unrecognized configuration parameter",
        "the server does not know a setting that the URL asks for, at",
        "Correct options in the URL, or the variable PGOPTIONS.",
    ),
    ("invalid value for parameter", "the server refuses a setting at", "Correct it in the URL."),
    (
        "conversion ",
        "PostgreSQL cannot convert the database's encoding to UTF-8, at",
        "Use another one: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
    ),
    ("for connection option", "libpq refuses a value in", "Correct it in the URL."),
    (" value: ", "libpq refuses a value in", "Correct it in the URL."),
    ("No such file or directory", "no server has its socket at", "Check host and port in the URL."),
    ("does not exist", "no such database or user at", "Check the URL, or `createdb` it."),
    ("too many clients", "no connection is free at", "Close others, or raise max_connections."),
    ("remaining connection slots", "no connection is free at", "Close others."),
    (
        "too many connections for role",
        "the role has no connection left at",
        "Close others, or type ALTER ROLE name CONNECTION LIMIT -1 there.",
    ),
    (
        "too many connections for database",
        "the database has no connection left at",
        "Close others, or type ALTER DATABASE name CONNECTION LIMIT -1 there.",
    ),
    (
        "no more connections allowed",
        "PgBouncer has no connection left at",
        "Close others, or raise max_client_conn in its settings.",
    ),
    ("starting up", "the server is still starting at", "Try again in a moment."),
    ("timeout", "no answer in time from", "Check host, port and firewall."),
    ("resolve host", "no such host in", "Check the host's name in the URL."),
    ("Name or service not known", "no such host in", "Check the host's name in the URL."),
    (
        "",
        "cannot connect to",
        "Check the URL and that the server runs, or leave --database-url out.",
    ),
)


def cannot_connect(error: "psycopg.Error", url: str, safe_url: str) -> BenchError:
    """Return the error to raise if connecting to `url` failed with `error`.

    The text names the database by `safe_url`, which has no secrets.
    """
    message = str(error)
    lines = [line for line in message.strip().splitlines() if "Is the server running" not in line]
    last = lines[-1] if lines else "no reason given"
    reason = redact(last.rpartition(" failed: ")[2].strip(), url)
    _, what, advice = next(known for known in _CONNECTING if known[0] in message)
    return BenchError(f"{what} {safe_url} ({reason.rstrip('.')}).\n{advice}")


def read_only(connection: "psycopg.Connection[Any]") -> BenchError:
    """Return the error to raise if this connection cannot write."""
    row = connection.execute("SELECT pg_is_in_recovery(), current_user").fetchone()
    assert row is not None
    is_standby, user = row
    name = connection.info.dbname
    if is_standby:
        return BenchError(
            f"the server of the database {name} is a standby, which accepts no writes.\n"
            "Give the URL of the primary, or several hosts and target_session_attrs=read-write."
        )
    setting = "default_transaction_read_only"
    return BenchError(
        f"{setting} is on for the role {user} in the database {name}: no rows can be loaded.\n"
        f'Type ALTER ROLE "{user}" SET {setting} = off, or add options=-c%20{setting}%3Doff'
        " to the URL."
    )
