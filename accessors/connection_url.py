"""Reading of a database URL, for drivers whose `connect` takes no libpq URL.

The URL has the form that `Target.url` has: libpq's parameters, percent-encoded, and a socket's
folder as the parameter `host`.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from urllib.parse import unquote, urlsplit

_DEFAULT_PORT = "5432"
_VERIFIES = ("verify-ca", "verify-full")


def parameters(url: str) -> dict[str, str]:
    """Return the parameters of a URL by the names that libpq has for them.

    Several hosts and ports are separated by commas.
    """
    parts = urlsplit(url)
    login, _, address = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    found = {"user": user, "password": password, "dbname": parts.path.removeprefix("/")}
    if address:
        pairs = [_host_and_port(text) for text in address.split(",")]
        found["host"], found["port"] = (",".join(texts) for texts in zip(*pairs, strict=True))
    for pair in filter(None, parts.query.split("&")):
        name, _, value = pair.partition("=")
        found[name] = value
    return {name: unquote(value) for name, value in found.items() if value}


def addresses(known: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield each host, or folder of a socket, with its port. A single port belongs to all hosts."""
    hosts = known.get("host", "localhost").split(",")
    ports = known.get("port", "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    for host, port in zip_longest(hosts, ports, fillvalue=""):
        yield host, int(port or _DEFAULT_PORT)


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
