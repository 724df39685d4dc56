"""Reading of a database URL, for drivers whose `connect` takes no libpq URL.

`urllib.parse.urlsplit` cannot read libpq's URLs: it refuses an IPv6 address after another host
since the fix of CVE-2025-0938, and it takes `#` for the start of a fragment.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from urllib.parse import unquote

_DEFAULT_HOST = "localhost"
_DEFAULT_PORT = "5432"
_VERIFIES = ("verify-ca", "verify-full")

# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
_URL = re.compile(
    r"""postgres(?:ql)?://
        (?:(?P<user>[^:@/]*)(?::(?P<password>[^@/]*))?@)?
        (?P<hosts>[^/?]*)
        (?:/(?P<dbname>[^?]*))?
        (?:\?(?P<query>.*))?""",
    re.VERBOSE | re.DOTALL,
)


def parameters(url: str) -> dict[str, str]:
    """Return the parameters of a libpq URL by libpq's names, without those that are empty.

    Several hosts and ports are separated by commas. Raises `ValueError`, which quotes nothing of
    the URL, if it does not begin with `postgresql://` or `postgres://`.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("a database URL begins with postgresql:// or postgres://")
    found = match.groupdict(default="")
    query = found.pop("query")
    pairs = [_host_and_port(text) for text in found.pop("hosts").split(",")]
    found["host"], found["port"] = (",".join(texts) for texts in zip(*pairs, strict=True))
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        found[unquote(name)] = value
    return {name: unquote(value) for name, value in found.items() if value}


def addresses(known: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield each host, or folder of a socket, with its port. A single port belongs to all hosts.

    An empty host is `localhost`, an empty port 5432.
    """
    hosts = known.get("host", "").split(",")
    ports = known.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    for host, port in zip_longest(hosts, ports, fillvalue=""):
        yield host or _DEFAULT_HOST, int(port or _DEFAULT_PORT)


def root_certificate(known: Mapping[str, str]) -> str | None:
    """Return the file with the certificates of the trusted authorities.

    None if the server's certificate is not verified. As libpq does, `sslmode=require` verifies it
    if the URL names a file.
    https://www.postgresql.org/docs/current/libpq-ssl.html#LIBQ-SSL-CERTIFICATES
    """
    mode, file = known.get("sslmode"), known.get("sslrootcert")
    if mode in _VERIFIES:
        return file or str(Path("~/.postgresql/root.crt").expanduser())
    return file if mode == "require" else None


def _host_and_port(text: str) -> tuple[str, str]:
    """Return the parts of `host:port`, `[::1]:port` or `host`."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port.removeprefix(":")
    host, _, port = text.partition(":")
    return host, port
