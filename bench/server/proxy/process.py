"""The proxy as the rest of the code uses it: a process of its own, with a port for each link."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from bench.model.errors import BenchError
from bench.model.link import Link
from bench.server.proxy.relay import Address

HOST = "127.0.0.1"
"""The address that the proxy listens at: no other machine can reach it."""

_TIMEOUT_S = 10


@dataclass(frozen=True)
class Counts:
    """Counts of one link since it was opened or since the last look."""

    round_trips: int
    connections: int
    bytes_to_server: int
    bytes_to_client: int
    late_p50_us: int | None
    """Median of how much later than asked a message was delivered; None where none was."""
    late_p99_us: int | None


class Proxy:
    """A process that relays between clients and servers, over any number of links.

    A context manager. The process ends with the block, and also if this process is killed.
    """

    def __init__(self) -> None:
        # -P: no module is taken from the current folder.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bench.server.proxy"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def open(self, target: Address, link: Link) -> int:
        """Return the port, at `HOST`, of a new link to this server.

        `target`: the path of a unix socket, or host and port. Raises `BenchError` if the proxy has
        died, or can listen at no further port.
        """
        way = [link.latency_ns, link.jitter_ns, link.bytes_per_s]
        return int(self._ask({"do": "open", "target": target, "link": way})["port"])

    def counts(self, port: int) -> Counts:
        """Return what this link has counted since it was opened or last asked, and begin anew."""
        return Counts(**self._ask({"do": "count", "port": port}))

    def close(self, port: int) -> Counts:
        """End the link and its connections; return its last counts."""
        return Counts(**self._ask({"do": "close", "port": port}))

    def end(self) -> None:
        """End the process, and with it every link."""
        with suppress(OSError):  # it may be dead, with a request unread
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def check(self) -> None:
        """Raise `BenchError` if the process has ended: every connection through it is lost."""
        if self._process.poll() is not None:
            raise _ended()

    @property
    def pid(self) -> int:
        """The proxy's process."""
        return self._process.pid

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        answer = ""
        with suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise _ended()
        found: dict[str, Any] = json.loads(answer)
        if "error" in found:
            raise BenchError(
                f"the proxy cannot listen at {HOST}: {found['error']}.\n"
                "Close other programs that hold ports, or ask for fewer latencies at once."
            )
        return found


def _ended() -> BenchError:
    return BenchError(
        "the proxy between client and server has ended: somebody killed it, or memory was short.\n"
        "Run the command again; without --latency it needs no proxy."
    )
