"""The two ways to one server on this machine: its Unix socket, and TCP."""

from typing import TYPE_CHECKING, Any

from bench.model.case import Transport
from bench.model.errors import BenchError
from bench.server.url import build, parse

if TYPE_CHECKING:
    import psycopg

_LISTENING = """
    SELECT current_setting('unix_socket_directories'), current_setting('listen_addresses'),
           current_setting('port')
"""
_EVERYWHERE = ("*", "0.0.0.0", "::", "localhost", "127.0.0.1")
LOOPBACK = "127.0.0.1"


def by_transport(
    url: str, transport: Transport, connection: "psycopg.Connection[Any]", *, local: bool
) -> str:
    """Return the URL that leads to the same database by this transport.

    `connection`: to that server; its role may read where it listens. Raises `BenchError` if the
    server is on another machine, or does not listen there.
    """
    parameters = parse(url)
    is_unix = parameters.get("host", "").startswith("/")
    if is_unix == (transport == "unix"):
        return url
    if not local:
        raise BenchError(
            "--transport compares a Unix socket with TCP to a server on this machine, and this"
            " server is on another one.\nLeave --transport out."
        )
    row = connection.execute(_LISTENING).fetchone()
    assert row is not None
    sockets, addresses, port = (str(value) for value in row)
    if transport == "unix":
        folder = sockets.split(",")[0].strip().strip('"')
        if not folder:
            raise _does_not_listen("a Unix socket", "unix_socket_directories")
        kept = {name: parameters[name] for name in parameters if not _is_of_tcp(name)}
        return build({**kept, "host": folder, "port": port})
    heard = [address.strip() for address in addresses.split(",") if address.strip()]
    if not heard:
        raise _does_not_listen("TCP", "listen_addresses")
    host = LOOPBACK if any(address in _EVERYWHERE for address in heard) else heard[0]
    return build({**parameters, "host": host, "port": port})


def _is_of_tcp(name: str) -> bool:
    """Return whether the parameter means nothing on a Unix socket, or asks for TLS."""
    return name in ("hostaddr", "channel_binding") or name.startswith("ssl")


def _does_not_listen(where: str, setting: str) -> BenchError:
    return BenchError(
        f"the server does not listen at {where} ({setting} is empty), as --transport asks.\n"
        "Give a server that listens at both with --database-url; the embedded one has only its"
        " Unix socket."
    )
