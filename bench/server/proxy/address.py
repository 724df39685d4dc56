"""The server of a database URL as a socket's address, and the URL that leads through a proxy."""

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


def through(url: str, port: int) -> str:
    """Return the URL that reaches the same database through the proxy's `port`.

    Raises `BenchError` where the driver would check the server's name: it would see the proxy's.
    """
    parameters = parse(url)
    host = parameters.get("host", "")
    if parameters.get("sslmode") == "verify-full" and not host.startswith("/"):
        raise BenchError(
            "sslmode=verify-full checks the name of the server, and a proxy is between.\n"
            "Use sslmode=verify-ca with --latency and with the count of round trips."
        )
    parameters.pop("hostaddr", None)
    if host.startswith("/"):
        # A unix socket has no TLS, whatever the URL says; the proxy's TCP would begin with it.
        parameters["sslmode"] = "disable"
    return build({**parameters, "host": HOST, "port": str(port)})
