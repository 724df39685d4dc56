"""One direction of a connection: chunks that wait for the time of their delivery, in order."""

import socket
from collections import deque
from dataclasses import dataclass

MOST_WAITING_BYTES = 16 << 20
"""Bytes that may wait in one direction. More are left with the sender, as TCP's window does it."""


@dataclass(slots=True)
class Chunk:
    """Bytes that arrived together; empty for the end of the stream."""

    due_ns: int
    data: memoryview


class Direction:
    """Bytes on their way from one socket to another."""

    __slots__ = ("_last_due_ns", "chunks", "ended", "source", "target", "waiting_bytes")

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.chunks: deque[Chunk] = deque()
        self.waiting_bytes = 0
        self.ended = False
        """Whether the end of the stream was delivered."""
        self._last_due_ns = 0

    def put(self, data: memoryview, due_ns: int) -> None:
        """Queue a chunk. It is never due before the one that came before it."""
        self._last_due_ns = max(due_ns, self._last_due_ns)
        self.chunks.append(Chunk(self._last_due_ns, data))
        self.waiting_bytes += len(data)

    @property
    def due_ns(self) -> int | None:
        """The time at which the next chunk is to be delivered; None where none waits."""
        return self.chunks[0].due_ns if self.chunks else None

    @property
    def is_full(self) -> bool:
        """Whether the source is not to be read for now."""
        return self.waiting_bytes > MOST_WAITING_BYTES

    def deliver(self) -> bool:
        """Send the first chunk. Returns False where the target takes no more for now.

        Raises `OSError` if the target is gone.
        """
        chunk = self.chunks[0]
        if not chunk.data:
            self.chunks.popleft()
            self.ended = True
            self.target.shutdown(socket.SHUT_WR)
            return True
        try:
            sent = self.target.send(chunk.data)
        except BlockingIOError:
            return False
        self.waiting_bytes -= sent
        if sent < len(chunk.data):
            chunk.data = chunk.data[sent:]
            return False
        self.chunks.popleft()
        return True
