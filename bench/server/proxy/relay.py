"""The relay: an event loop that passes bytes between clients and servers at the time asked for."""

import heapq
import select
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic_ns
from typing import Any

from bench.model.link import Link
from bench.server.proxy.counters import Counters
from bench.server.proxy.direction import Direction

READ_BYTES = 256 << 10
"""Bytes of one read; asyncio reads as many."""

PACED_READ_BYTES = 16 << 10
"""Bytes of one read where bandwidth is limited: a large chunk would arrive as a whole, late."""

SPIN_NS = 60_000
"""Before this long a wait ends, the relay asks the clock instead of sleeping: a sleeper wakes about
50 us late. It costs the proxy's process at most so much CPU time a message, and no other process.
"""

Address = str | tuple[str, int]
"""A path of a unix socket, or host and port."""


class Connection:
    """A client, its server, and the two directions between."""

    def __init__(self, port: "Port", client: socket.socket, server: socket.socket) -> None:
        self.port = port
        self.to_server = Direction(client, server)
        self.to_client = Direction(server, client)
        self.client_waits = False
        """Whether the client has sent something that no answer was delivered to yet."""
        # TCP's handshake is a round trip, but the kernel has made it at once, without the delay.
        self.opens_ns = monotonic_ns() + port.link.latency_ns


class Port:
    """A listening socket whose connections go to one server over one link."""

    def __init__(self, target: Address, link: Link) -> None:
        self.target = target
        self.link = link
        self.counters = Counters()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.setblocking(False)
        self.number: int = self.listener.getsockname()[1]
        self._random = Random(self.number)
        self._free_ns = {True: 0, False: 0}

    def due_ns(self, now_ns: int, size: int, to_server: bool) -> int:
        """Return the time at which bytes that were sent now arrive."""
        link = self.link
        sent_ns = now_ns
        if link.bytes_per_s is not None:
            sent_ns = max(now_ns, self._free_ns[to_server]) + round(size / link.bytes_per_s * 1e9)
            self._free_ns[to_server] = sent_ns
        one_way_ns = link.latency_ns // 2
        if link.jitter_ns:
            one_way_ns += round(self._random.uniform(-0.5, 0.5) * link.jitter_ns)
        return sent_ns + one_way_ns


class Relay:
    """An event loop over all ports and connections.

    Its waits are as fine as `select` has them, microseconds: epoll's own timeout and uvloop's
    timers are whole milliseconds. https://man7.org/linux/man-pages/man2/epoll_wait.2.html
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[int, int, Connection, Direction]] = []
        self._order = count()
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._running = True
        # The kernel may wake a sleeper 50 us late unless it is told otherwise (prctl(2)).
        with suppress(OSError):
            Path("/proc/self/timerslack_ns").write_text("1")

    def listen(self, port: Port) -> None:
        """Accept the clients of this port from now on."""
        self._watch(port.listener, selectors.EVENT_READ, lambda _: self._accept(port))

    def close(self, port: Port) -> None:
        """Accept no more clients of this port; end its connections."""
        with suppress(KeyError):
            self._selector.unregister(port.listener)
        port.listener.close()
        keys = [key.data for key in self._selector.get_map().values()]
        for connection in {held for call in keys if (held := getattr(call, "connection", None))}:
            if connection.port is port:
                self._end(connection)

    def watch(self, file: Any, call: Callable[[], None]) -> None:
        """Call this whenever the file can be read."""
        self._watch(file, selectors.EVENT_READ, lambda _: call())

    def stop(self) -> None:
        """Let `run` return."""
        self._running = False

    def run(self) -> None:
        """Relay until `stop`."""
        selector_number = self._selector.fileno()
        while self._running:
            if (wait_ns := self._wait_ns()) is None:
                events = self._selector.select()
            else:
                if wait_ns > SPIN_NS:
                    select.select([selector_number], (), (), (wait_ns - SPIN_NS) / 1e9)
                events = self._selector.select(0)
            for key, mask in events:
                key.data(mask)
            self._deliver_due()

    def _wait_ns(self) -> int | None:
        return self._due[0][0] - monotonic_ns() if self._due else None

    def _watch(self, file: Any, events: int, call: Callable[[int], None]) -> None:
        self._selector.register(file, events, call)

    def _accept(self, port: Port) -> None:
        try:
            client, _ = port.listener.accept()
        except OSError:  # the client has left, or the port was closed by a request just before
            return
        try:
            server = _connect(port.target)
        except OSError:
            client.close()  # a driver names this: the server closed the connection
            return
        for end in (client, server):
            end.setblocking(False)
            if end.family != socket.AF_UNIX:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port.counters.connections += 1
        connection = Connection(port, client, server)
        for way in (connection.to_server, connection.to_client):
            self._watch(way.source, selectors.EVENT_READ, _Served(self, connection, way))

    def serve(self, connection: Connection, reads: Direction, mask: int) -> None:
        """Read what the source of this direction has, and send what it is owed."""
        try:
            if mask & selectors.EVENT_WRITE:
                writes = _opposite(connection, reads)
                self._interest(connection, reads.source, write=False)
                self._deliver(connection, writes)
            if mask & selectors.EVENT_READ:
                self._read(connection, reads)
        except OSError:
            self._end(connection)

    def _read(self, connection: Connection, way: Direction) -> None:
        port = connection.port
        limit = READ_BYTES if port.link.bytes_per_s is None else PACED_READ_BYTES
        try:
            size = way.source.recv_into(self._buffer[:limit])
        except BlockingIOError:
            return
        now_ns = monotonic_ns()
        to_server = way is connection.to_server
        if to_server:
            port.counters.bytes_to_server += size
            connection.client_waits = connection.client_waits or size > 0
            now_ns = max(now_ns, connection.opens_ns)
        else:
            port.counters.bytes_to_client += size
        # The buffer is used again by the next read: what waits is a copy of its own.
        way.put(memoryview(bytes(self._buffer[:size])), port.due_ns(now_ns, size, to_server))
        if len(way.chunks) == 1:
            self._schedule(connection, way)
        if size == 0 or way.is_full:
            self._interest(connection, way.source, read=False)

    def _schedule(self, connection: Connection, way: Direction) -> None:
        due_ns = way.due_ns
        if due_ns is not None:
            heapq.heappush(self._due, (due_ns, next(self._order), connection, way))

    def _deliver_due(self) -> None:
        now_ns = monotonic_ns()
        while self._due and self._due[0][0] <= now_ns:
            _, _, connection, way = heapq.heappop(self._due)
            try:
                self._deliver(connection, way)
            except OSError:
                self._end(connection)
            now_ns = monotonic_ns()

    def _deliver(self, connection: Connection, way: Direction) -> None:
        """Send all that is due; the rest when its time has come or the target takes more."""
        counters = connection.port.counters
        while (due_ns := way.due_ns) is not None and due_ns <= (now_ns := monotonic_ns()):
            was_full = way.is_full
            counters.late_us[(now_ns - due_ns) // 1000] += 1
            answers = way is connection.to_client and bool(way.chunks[0].data)
            if answers and connection.client_waits:
                counters.round_trips += 1
                connection.client_waits = False
            if not way.deliver():
                self._interest(connection, way.target, write=True)
                return
            if was_full and not way.is_full:
                self._interest(connection, way.source, read=True)
        if connection.to_server.ended and connection.to_client.ended:
            self._end(connection)
            return
        self._schedule(connection, way)

    def _interest(
        self,
        connection: Connection,
        end: socket.socket,
        *,
        read: bool | None = None,
        write: bool | None = None,
    ) -> None:
        """Change for which events this socket is watched."""
        way = connection.to_server if end is connection.to_server.source else connection.to_client
        try:
            events = self._selector.get_key(end).events
            self._selector.unregister(end)
        except KeyError:
            events = 0
        for bit, wanted in ((selectors.EVENT_READ, read), (selectors.EVENT_WRITE, write)):
            if wanted is not None:
                events = events | bit if wanted else events & ~bit
        if events:
            self._watch(end, events, _Served(self, connection, way))

    def _end(self, connection: Connection) -> None:
        for end in (connection.to_server.source, connection.to_client.source):
            with suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()
        for way in (connection.to_server, connection.to_client):
            way.chunks.clear()


class _Served:
    """The call for a socket of a connection."""

    __slots__ = ("_relay", "_way", "connection")

    def __init__(self, relay: Relay, connection: Connection, way: Direction) -> None:
        self._relay = relay
        self.connection = connection
        self._way = way

    def __call__(self, mask: int) -> None:
        self._relay.serve(self.connection, self._way, mask)


def _opposite(connection: Connection, way: Direction) -> Direction:
    return connection.to_client if way is connection.to_server else connection.to_server


def _connect(target: Address) -> socket.socket:
    """Raises `OSError` if nothing listens there."""
    if isinstance(target, str):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.connect(target)
        except OSError:
            server.close()
            raise
        return server
    return socket.create_connection(target, timeout=10)
