"""The ceiling of the proxy: what it passes on in a second if it delays nothing.

A client that comes near it measures the proxy, not the network that was asked for.
"""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter

from bench.model.link import Link
from bench.server.proxy.process import HOST, Proxy
from bench.studies.doctor.finding import Diagnosis

CONNECTIONS = 16
MESSAGE = b"x" * 64
"""About the size of a point read and of its answer."""

CHUNK_BYTES = 1 << 20
STREAMS = 2

LEAST_ROUND_TRIPS_PER_S = 10_000
LEAST_BYTES_PER_S = 500e6

SECONDS = 1.0
"""The length of each of the two measurements."""


@dataclass(frozen=True)
class Ceiling:
    """The amounts that the proxy passes on in a second, undelayed."""

    round_trips_per_s: float
    """Over `CONNECTIONS` connections, each waiting for its answer."""
    bytes_per_s: float
    """From server to client, over `STREAMS` connections."""


def finding(ceiling: Ceiling) -> Diagnosis:
    """Judge what the proxy passes on in a second."""
    observed = (
        f"{ceiling.round_trips_per_s:,.0f} round trips/s over {CONNECTIONS} connections,"
        f" {ceiling.bytes_per_s / 1e6:,.0f} MB/s, undelayed"
    )
    few = ceiling.round_trips_per_s < LEAST_ROUND_TRIPS_PER_S
    if not few and ceiling.bytes_per_s >= LEAST_BYTES_PER_S:
        return Diagnosis("proxy", observed)
    return Diagnosis(
        "proxy",
        observed,
        "warning",
        f"less than {LEAST_ROUND_TRIPS_PER_S:,} round trips/s or {LEAST_BYTES_PER_S / 1e6:,.0f}"
        " MB/s: with --latency, fast clients would wait for the proxy.",
        "Close other programs, and measure with fewer clients or a longer --latency.",
    )


def measure(seconds: float = SECONDS) -> Ceiling:
    """Measure the ceiling with a proxy of its own, which ends. Raises `BenchError`."""
    with Proxy() as proxy:
        return Ceiling(_round_trips(proxy, seconds), _bytes(proxy, seconds))


@contextmanager
def _connections(proxy: Proxy, amount: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Yield connected pairs of client and server, through the proxy."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HOST, 0), backlog=amount))
        host, number = listener.getsockname()
        port = proxy.open((host, number), Link())
        pairs = []
        for _ in range(amount):
            client = stack.enter_context(socket.create_connection((HOST, port)))
            server = stack.enter_context(listener.accept()[0])
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pairs.append((client, server))
        yield pairs
        proxy.close(port)


def _round_trips(proxy: Proxy, seconds: float) -> float:
    with _connections(proxy, CONNECTIONS) as pairs, selectors.DefaultSelector() as selector:
        clients = set()
        for client, server in pairs:
            selector.register(client, selectors.EVENT_READ)
            selector.register(server, selectors.EVENT_READ)
            clients.add(client)
        for client in clients:
            client.sendall(MESSAGE)
        answers = 0
        start = perf_counter()
        while (now := perf_counter()) < start + seconds:
            for key, _ in selector.select():
                end = key.fileobj
                assert isinstance(end, socket.socket)
                end.sendall(end.recv(len(MESSAGE)))
                answers += end in clients
        return answers / (now - start)


def _bytes(proxy: Proxy, seconds: float) -> float:
    with _connections(proxy, STREAMS) as pairs:
        chunk, ended = bytes(CHUNK_BYTES), threading.Event()

        def send(server: socket.socket) -> None:
            while not ended.is_set():
                server.sendall(chunk)
            server.shutdown(socket.SHUT_WR)

        senders = [threading.Thread(target=send, args=(server,)) for _, server in pairs]
        for sender in senders:
            sender.start()
        received = [0] * len(pairs)
        start = perf_counter()

        def receive(place: int, client: socket.socket) -> None:
            buffer = bytearray(CHUNK_BYTES)
            while size := client.recv_into(buffer):
                received[place] += size

        receivers = [
            threading.Thread(target=receive, args=(place, client))
            for place, (client, _) in enumerate(pairs)
        ]
        for receiver in receivers:
            receiver.start()
        ended.wait(seconds)
        ended.set()
        for thread in (*senders, *receivers):
            thread.join()
        return sum(received) / (perf_counter() - start)
