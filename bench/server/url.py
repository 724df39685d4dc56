"""Functions that read and build database URLs, and remove secrets before a URL is shown.

`parse` and `build` are the only places that read or write a URL. Everything else works on the
parameters between them, which have libpq's names:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

import re
from collections.abc import Mapping
from itertools import zip_longest
from urllib.parse import quote

from bench.model.errors import UsageError

_SCHEME = re.compile(r"(?:postgresql|postgres)(?:\+\w+)?://")
_HOST = r"(?:\[[^\]]*\]|[^@/?:,\[\]]*)(?::\d*)?"
_WELL_FORMED = re.compile(
    rf"(?:[^:/@?]*(?::[^@/]*)?@)?{_HOST}(?:,{_HOST})*(?:/[^?@]*)?(?:\?.*)?", re.DOTALL
)
SECRETS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
HIDDEN = "***"
"""The text in place of a password in every URL that is shown."""
_IN_AUTHORITY = ("user", "password", "host", "port", "dbname")


def parse(text: str) -> dict[str, str]:
    """Return the parameters of a URL or of a `key=value` string, as libpq reads them.

    The driver in SQLAlchemy's form (`postgresql+asyncpg://`) is left out. Raises `UsageError`,
    which quotes nothing of the text, if the text has another form.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    text = text.strip()
    scheme = _SCHEME.match(text)
    if scheme is not None:
        # libpq would read the text after an unescaped @ as the host, and quote it in an error.
        if not _WELL_FORMED.fullmatch(text, scheme.end()):
            raise _unreadable()
        text = "postgresql://" + text[scheme.end() :]
    elif "://" in text or "=" not in text:
        raise UsageError(
            "the database URL must begin with postgresql:// as in\n"
            "postgresql://user:password@host:5432/database, or be of the form host=... dbname=..."
        )
    try:
        parameters = {name: str(value) for name, value in conninfo_to_dict(text).items()}
        for port in parameters.get("port", "").split(","):
            int(port or 0)
    except (psycopg.Error, ValueError):
        raise _unreadable() from None
    return parameters


def build(parameters: Mapping[str, str]) -> str:
    """Return the URL that has these parameters, in a form that libpq, asyncpg and SQLAlchemy read.

    A socket's folder is in the query: `postgresql://user@/database?host=/folder`. One IPv6 address
    is in brackets. Among several hosts it is percent-encoded, because Python's `urlsplit`, with
    which asyncpg reads a URL, refuses brackets there (since the fix of CVE-2025-0938).
    """
    hosts = parameters.get("host", "").split(",")
    in_query = {name: value for name, value in parameters.items() if name not in _IN_AUTHORITY}
    if all(host.startswith("/") for host in hosts):
        in_query |= {name: parameters[name] for name in ("host", "port") if name in parameters}
        address = ""
    else:
        address = _address(hosts, parameters.get("port", ""))
    user, password = parameters.get("user", ""), parameters.get("password", "")
    login = _encoded(user) + (f":{_encoded(password)}" if password else "")
    query = "&".join(f"{name}={_encoded(value, '/,:@')}" for name, value in in_query.items())
    return (
        f"postgresql://{login}{'@' if login else ''}{address}"
        f"/{_encoded(parameters.get('dbname', ''))}{'?' if query else ''}{query}"
    )


def changed(url: str, **parameters: str) -> str:
    """Return `url` with these parameters in place of its own."""
    return build({**parse(url), **parameters})


def masked(text: str) -> str:
    """Return the URL with `***` for every secret, or only `***` if the text cannot be read."""
    try:
        parameters = parse(text)
    except UsageError:
        return HIDDEN
    return build({name: HIDDEN if name in SECRETS else parameters[name] for name in parameters})


def redact(text: str, url: str) -> str:
    """Return `text` with `***` for every secret of `url`, encoded or not."""
    parameters = parse(url)
    secrets = {parameters[name] for name in SECRETS & parameters.keys()} - {""}
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub("".join(map(_in_any_form, secret)), HIDDEN, text)
    return text


def _address(hosts: list[str], ports: str) -> str:
    """Return hosts and ports as `a:1,b:2` or `[::1]:1`. A single port belongs to every host."""
    numbers = ports.split(",")
    if len(numbers) == 1:
        numbers *= len(hosts)
    in_brackets = len(hosts) == 1 and ":" in hosts[0]
    named = [f"[{_encoded(hosts[0], ':')}]"] if in_brackets else map(_encoded, hosts)
    pairs = zip_longest(named, numbers, fillvalue="")
    return ",".join(host + (f":{port}" if port else "") for host, port in pairs)


def _encoded(value: str, safe: str = "") -> str:
    return quote(value, safe=f"{safe}*")


def _in_any_form(character: str) -> str:
    """Return a pattern for the character, plain or percent-encoded, because libraries differ."""
    encoded = "".join(f"%{byte:02x}" for byte in character.encode())
    return f"(?:{re.escape(character)}|(?i:{encoded}))"


def _unreadable() -> UsageError:
    """Return the error for a malformed URL. It quotes nothing: any part may be the password."""
    return UsageError(
        "the database URL cannot be read. Its form is "
        "postgresql://user:password@host:port/database?name=value, with libpq's names;\n"
        "in a password, write the characters @ / : ? # % and space as %40 %2F %3A %3F %23 %25 %20."
    )
