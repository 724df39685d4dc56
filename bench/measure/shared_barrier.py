"""The start barrier of a case that several processes share: a lock of PostgreSQL.

The command holds an advisory lock. Each process opens its sessions, warms up, and then waits for
the lock in shared mode. When all of them wait, the command releases it, and the server wakes them
at once. PostgreSQL is there anyway, and reaches processes on other machines as well.
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS

The common start is `AHEAD_NS` after the release, by the server's clock, so that all processes are
awake by then. A process that gets no CPU in time starts late, and its window is not prolonged: it
would be alone in the rest. `perf_counter_ns` has another origin on each machine, so each process
reads the difference to the server's clock before.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter_ns, sleep
from typing import TYPE_CHECKING, Any, Self

from bench.measure.job import Part
from bench.server.database import Database

if TYPE_CHECKING:
    import psycopg

READINGS = 8
"""The number of times that the server's clock is read. The reading with the shortest round trip
has the smallest error."""

AHEAD_NS = 5_000_000
"""Time from the release of the lock to the common start. A process wakes up, and reads what CPU
time the server's processes have used: with many of them, that takes milliseconds."""

_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
# The statement that released the lock is the last one of the command's session. CASE makes sure
# that its time is read after the wait.
_WAIT = """
    SELECT CASE WHEN pg_advisory_xact_lock_shared(%s) IS NOT NULL THEN (
        SELECT (extract(epoch FROM query_start) * 1000000)::bigint
        FROM pg_catalog.pg_stat_activity WHERE pid = %s
    ) END
"""
# A key of 64 bits is stored in two columns of 32 bits. objsubid = 1 means a single 64-bit key.
_WAITING = """
    SELECT count(*) FROM pg_catalog.pg_locks
    WHERE locktype = 'advisory' AND NOT granted AND objsubid = 1
      AND (classid::bigint << 32 | objid::bigint) = %s
      AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True)
class CommonClock:
    """The server's clock, as this process can tell it."""

    offset_ns: int
    """Add it to `perf_counter_ns` for the server's time, in ns since 1970."""
    error_ns: int
    """The most that the time may be wrong by: half of the round trip of the reading."""


class SharedBarrier:
    """The barrier as one process sees it."""

    def __init__(self, part: Part, session: "psycopg.Connection[Any]") -> None:
        self.clock = read_clock(session)
        self.server_process = session.info.backend_pid
        """The server process of the session that waits."""
        self.late_ns = 0
        """Time from the common start to the start of this process."""
        self._part, self._session = part, session

    def wait(self) -> int:
        """Return the common start, as `perf_counter_ns` of this process has it, before it comes.

        Raises psycopg's error after the part's timeout.
        """
        keys = [self._part.barrier, self._part.gate]
        row = self._session.execute(_WAIT, keys).fetchone()
        if row is None or row[0] is None:
            raise RuntimeError("the command's connection to the server was lost before the start")
        return int(row[0]) * 1000 - self.clock.offset_ns + AHEAD_NS

    def sleep_until(self, start_ns: int) -> None:
        """Wait for the common start, and note by how much it was missed."""
        sleep(max(0, start_ns - perf_counter_ns()) / 1e9)
        self.late_ns = max(0, perf_counter_ns() - start_ns)


_joined: dict[int, SharedBarrier] = {}
"""Advisory lock -> the barrier that this process is going to wait at."""


@contextmanager
def joined(part: Part) -> Iterator[SharedBarrier]:
    """Connect to the barrier's server for the block, and read its clock.

    Raises `BenchError` if the server cannot be reached.
    """
    with Database(part.url).connect(application_name="gatherbench barrier") as session:
        # A command that is gone without closing its connection would hold the lock for hours.
        session.execute(
            "SELECT set_config('lock_timeout', %s, false)", [f"{part.timeout_s * 1000:.0f}"]
        )
        barrier = _joined[part.barrier] = SharedBarrier(part, session)
        try:
            yield barrier
        finally:
            del _joined[part.barrier]


def of(part: Part) -> SharedBarrier:
    """Return the barrier that this process has joined.

    It blocks the whole process: all its clients are at the start barrier already.
    """
    return _joined[part.barrier]


def read_clock(session: "psycopg.Connection[Any]") -> CommonClock:
    """Return the server's clock: the best of a few readings."""
    readings = []
    for _ in range(READINGS):
        before = perf_counter_ns()
        row = session.execute(_CLOCK).fetchone()
        after = perf_counter_ns()
        assert row is not None
        readings.append((after - before, row[0] * 1000 - (before + after) // 2))
    round_trip, offset = min(readings)
    return CommonClock(offset, round_trip // 2)


class StartGate:
    """The command's side of the barrier: a connection of its own that holds the lock."""

    def __init__(self, database: Database) -> None:
        self.url = database.own.url
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None
        self._key = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def shut(self) -> int:
        """Take a lock that nobody has, and return its key. Raises `BenchError` without a server.

        The key is random, so that a lock which a dead command still holds is in nobody's way.
        """
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect(application_name="gatherbench gate")
        while True:
            self._key = secrets.randbits(62)
            row = self._connection.execute(
                "SELECT pg_try_advisory_lock(%s)", [self._key]
            ).fetchone()
            if row and row[0]:
                return self._key

    @property
    def server_process(self) -> int:
        """The server process of the connection that holds the lock."""
        assert self._connection is not None
        return self._connection.info.backend_pid

    def waiting(self) -> int:
        """Return the number of processes that wait at the gate."""
        assert self._connection is not None
        row = self._connection.execute(_WAITING, [self._key]).fetchone()
        return int(row[0]) if row else 0

    def open(self) -> None:
        """Let all processes start. If the connection is lost, the server has released the lock."""
        import psycopg

        if self._connection is not None:
            with suppress(psycopg.OperationalError):
                self._connection.execute("SELECT pg_advisory_unlock(%s)", [self._key])
