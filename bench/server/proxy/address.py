"""The server of a database URL as a socket's address, and the URL that leads through a proxy."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.model.errors import BenchError
from bench.server.process import PORT
from bench.server.proxy.process import HOST
from bench.server.proxy.relay import Address
from bench.server.url import build, parse


def address_of(url: str) -> Address:
    """Return the address of the server; of several hosts in the URL, the first one's."""
    parameters = parse(url)
    host = parameters.get("hostaddr", parameters.get("host", "")).split(",")[0]
    port = int(parameters.get("port", "").split(",")[0] or PORT)
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host or "localhost", port)


LIBPQ = ("psycopg", "psycopg2")
"""The drivers that connect to `hostaddr`, and check the server by the name in `host`."""


RESOLVED_IN_PYTHON = ("asyncpg",)
"""The drivers whose host is looked up by Python's socket module, on asyncio's own loop."""


@contextmanager
def name_leads_to_proxy(url: str) -> Iterator[None]:
    """Let this process find the server's name at the proxy's address, for drivers that check it."""
    name = parse(url).get("host", "").split(",")[0]
    look_up = socket.getaddrinfo

    def to_proxy(host: Any, *arguments: Any, **named: Any) -> Any:
        return look_up(HOST if name and host == name else host, *arguments, **named)

    socket.getaddrinfo = to_proxy
    try:
        yield
    finally:
        socket.getaddrinfo = look_up


def through(url: str, port: int, *, driver: str = "", named: bool = False) -> str:
    """Return the URL that reaches the same database through the proxy's `port`.

    `named`: the caller leads the server's name to the proxy's address (`name_leads_to_proxy`).
    Raises `BenchError` where the driver would check the server's name: it would see the proxy's.
    """
    parameters = parse(url)
    host = parameters.get("host", "")
    if parameters.get("sslmode") == "verify-full" and not host.startswith("/"):
        if driver in LIBPQ:
            name = host.split(",")[0]
            return build({**parameters, "host": name, "hostaddr": HOST, "port": str(port)})
        if named and driver in RESOLVED_IN_PYTHON:
            return build({**parameters, "host": host.split(",")[0], "port": str(port)})
        raise BenchError(
            "sslmode=verify-full checks the name of the server, and a proxy is between.\n"
            "Use sslmode=verify-ca with --latency and with the count of round trips."
        )
    parameters.pop("hostaddr", None)
    if host.startswith("/"):
        # A unix socket has no TLS, whatever the URL says; the proxy's TCP would begin with it.
        parameters["sslmode"] = "disable"
    return build({**parameters, "host": HOST, "port": str(port)})
