"""The server of a database URL as a socket's address, and the URL that leads through a proxy."""

import socket
from functools import lru_cache
from typing import Any

from bench.model.errors import BenchError
from bench.server.database import Database
from bench.server.process import PORT
from bench.server.proxy.process import HOST
from bench.server.proxy.relay import Address
from bench.server.url import build, parse


@lru_cache
def at_one_host(url: str) -> str:
    """Return the URL with the one of its hosts that a session reaches; unchanged with one host.

    They are tried in their order, as libpq does, also for `target_session_attrs`. A proxy leads to
    one server, so the answer stays the same in this process. Raises `BenchError` if none answers.
    """
    parameters = parse(url)
    places: dict[str, list[str]] = {
        name: parameters[name].split(",")
        for name in ("host", "hostaddr", "port")
        if name in parameters
    }
    amount = max(map(len, places.values()), default=1)
    problem: BenchError | None = None
    for number in range(amount) if amount > 1 else ():
        one = {name: (texts * amount if len(texts) == 1 else texts)[number]
               for name, texts in places.items()}  # fmt: skip
        try:
            Database(build({**parameters, **one})).connect(as_backend=True).close()
        except BenchError as error:
            problem = problem or error
        else:
            return build({**parameters, **one})
    if problem is not None:
        raise problem
    return url


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


CHECK_NAMES = frozenset({("psqlpy", "verify-ca")})
"""Each driver and sslmode that checks the server's name where libpq checks the authority alone."""

_LED: set[tuple[str, int]] = set()
"""The names and ports that this process finds at the proxy's address."""


def find_at_proxy(url: str, driver: str) -> None:
    """Let this process find the server's name at the proxy's address, on the port of `url`.

    Only drivers that check the name need it, and that look it up in Python. For others, and for
    another port of the same name, nothing changes. It holds until the process ends, since a pool
    may connect again at any time.
    """
    parameters = parse(url)
    if driver not in RESOLVED_IN_PYTHON or parameters.get("sslmode") != "verify-full":
        return
    if not _LED:
        socket.getaddrinfo = _look_up
    _LED.add((parameters["host"], int(parameters["port"])))


_look_up_anywhere = socket.getaddrinfo


def _look_up(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
    return _look_up_anywhere(HOST if (host, port) in _LED else host, port, *arguments, **named)


def through(url: str, port: int, *, driver: str = "", loop: str = "") -> str:
    """Return the URL that reaches the same database through the proxy's `port`.

    A process that opens it calls `find_at_proxy` before. Raises `BenchError` where the driver would
    check the server's name, and see the proxy's.
    """
    parameters = parse(url)
    host, mode = parameters.get("host", ""), parameters.get("sslmode", "")
    checks_name = mode == "verify-full" or (driver, mode) in CHECK_NAMES
    if checks_name and not host.startswith("/"):
        name = host.split(",")[0]
        if driver in LIBPQ:
            return build({**parameters, "host": name, "hostaddr": HOST, "port": str(port)})
        if driver in RESOLVED_IN_PYTHON and loop != "uvloop":  # uvloop looks names up by itself
            return build({**parameters, "host": name, "port": str(port)})
        what = f"{driver or 'the driver'}{' on uvloop' if driver in RESOLVED_IN_PYTHON else ''}"
        raise BenchError(
            f"sslmode={mode} checks the server's name, and {what} would see the proxy's.\n"
            f"Use sslmode={'verify-ca' if mode == 'verify-full' else 'require'} with --latency and"
            " with the count of round trips."
        )
    parameters.pop("hostaddr", None)
    if host.startswith("/"):
        # A unix socket has no TLS, whatever the URL says; the proxy's TCP would begin with it.
        parameters["sslmode"] = "disable"
    return build({**parameters, "host": HOST, "port": str(port)})
