"""A case: one combination of factors to measure, and its names in files, tables and charts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, Self

from accessors.api import AnyBackend, Transactions
from bench.model.connect import pairs
from bench.model.errors import UsageError
from bench.model.link import Link
from bench.model.pool import Pool
from bench.model.rate import ArrivalPattern
from bench.model.workload import WORKLOADS

Mode = Literal["buffered", "iterated", "streamed", "batched", "single-row"]
SessionScope = Literal["task", "operation"]
RowForm = Literal["native", "dict"]
Loop = Literal["asyncio", "uvloop", "none"]
"""`none`: a sync backend runs in threads."""
Allocator = Literal["warmed", "fresh"]
"""The state of glibc's allocator in the worker process (docs/allocator.md): `warmed` after a large
block was freed, `fresh` as in a program that has freed none."""

Transport = Literal["", "unix", "tcp"]
"""The way to a server on this machine: `unix` its Unix socket; empty: as the URL has it."""

LARGE = 100_000
"""The number of rows from which a result is large: a run fetches such a result only once."""

MODES: tuple[Mode, ...] = ("buffered", "iterated", "streamed", "batched", "single-row")

VERBS: Mapping[Mode, str] = {
    "buffered": "fetch_all",
    "iterated": "iterate",
    "streamed": "stream",
    "batched": "stream_batches",
    "single-row": "stream_single_rows",
}
"""The accessor method for each mode."""

MOST_BY_DEFAULT = 2_000
"""The largest batch that a library takes by default: psycopg2's itersize."""

MOST_AT_A_TIME = 2**31 - 1
"""The largest batch size that PostgreSQL's FETCH and every library accept."""

_IN_EVERY_LIBRARY = ("fetch_all", "stream", "stream_batches")


@dataclass(frozen=True)
class Fetch:
    """A way to fetch rows: all at once, row by row, or batch by batch.

    `iterated` and `single-row` are row by row too: `iterated` reads a client-side cursor, which
    holds all rows; `single-row` uses libpq's single-row mode (with a batch size: its chunked mode).
    """

    mode: Mode = "buffered"
    batch_size: int | None = None
    """Rows fetched from the server at a time; None is the library's default."""

    def __lt__(self, other: "Fetch") -> bool:
        def order(fetch: Fetch) -> tuple[int, int]:
            return MODES.index(fetch.mode), fetch.batch_size or 0

        return order(self) < order(other)

    def __str__(self) -> str:
        return self.mode if self.batch_size is None else f"{self.mode}:{self.batch_size}"

    @property
    def at_a_time(self) -> int:
        """The largest number of rows that arrive together."""
        return self.batch_size or MOST_BY_DEFAULT

    def offered_by(self, backend: AnyBackend) -> bool:
        """Return whether the library has this way to fetch."""
        return VERBS[self.mode] in (*_IN_EVERY_LIBRARY, *backend.also)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the fetch that the text names: `buffered`, `streamed`, `batched:1000`.

        Raises `UsageError` for any other text.
        """
        mode, _, size = text.partition(":")
        if mode not in MODES:
            close = get_close_matches(mode, MODES, n=1, cutoff=0.5)
            guess = f"did you mean {close[0]!r}? " if close else ""
            raise UsageError(f"no fetch named {text!r}: {guess}choose from {', '.join(MODES)}.")
        if not size:
            return cls(mode)
        is_number = size.isascii() and size.isdecimal() and size.strip("0")
        if mode in ("buffered", "iterated") or not is_number:
            raise UsageError(f"no fetch named {text!r}: write streamed:100 or batched:1000.")
        # int() raises ValueError for a number of thousands of digits.
        if len(size) > len(str(MOST_AT_A_TIME)) or int(size) > MOST_AT_A_TIME:
            raise UsageError(f"no fetch of so many rows at a time: at most {MOST_AT_A_TIME:,}.")
        return cls(mode, int(size))


@dataclass(frozen=True)
class Case:
    """Backend x workload x fetch x concurrency (x session scope x transactions x rows x loop)."""

    backend: str
    workload: str
    fetch: Fetch = field(default_factory=Fetch)
    concurrency: int = 1
    session_scope: SessionScope = "task"
    transactions: Transactions = "autocommit"
    rows: RowForm = "native"
    loop: Loop = "asyncio"
    size: int | None = None
    """The number of rows of the joined result to ask for. None: the workload's own arguments."""
    twin: bool = False
    """Whether this is the twin of an A/A pair: an equal case in another process. The difference of
    the two is the noise floor."""
    frozen: bool = False
    """Whether `gc.freeze()` hid from the garbage collector what the process held at the start
    barrier."""
    allocator: Allocator = "warmed"
    link: Link = field(default_factory=Link)
    """The network between client and server; by default there is none."""
    connect: str = ""
    """The settings of `--connect` that the backend takes (bench/model/connect.py); empty: none."""
    transport: Transport = ""
    pool: Pool = field(default_factory=Pool)
    """The pool that the clients share; by default each of them has a connection."""
    rate: int | None = None
    """Operations that arrive in a second, for all clients together (an open loop). None: each
    client sends its next operation when it has the answer to the last (a closed loop)."""
    arrivals: ArrivalPattern = "poisson"
    """The times between two arrivals, if there is a rate."""
    processes: int = 1
    """The number of worker processes that share the clients. The concurrency is that of all."""

    @property
    def key(self) -> str:
        """The identity of the case: every factor, in a fixed order."""
        factors = [
            self.backend,
            self.workload,
            str(self.fetch),
            str(self.concurrency),
            self.session_scope,
            self.transactions,
            self.rows,
            self.loop,
        ]
        if self.size is not None:
            factors.append(f"{self.size} rows")
        if self.twin:
            factors.append("twin")
        if self.frozen:
            factors.append("frozen")
        if self.allocator == "fresh":
            factors.append("fresh allocator")
        if not self.link.is_direct:
            factors.append(f"link {self.link}")
        if self.connect:
            factors.append(self.connect)
        if self.transport:
            factors.append(self.transport)
        if not self.pool.is_default:
            factors.append(str(self.pool))
        if self.rate is not None:
            factors.append(f"rate {self.rate}" + " uniform" * (self.arrivals == "uniform"))
        if self.processes > 1:
            factors.append(f"{self.processes} processes")
        return "/".join(factors)

    @property
    def large(self) -> bool:
        """Whether one operation takes so long that it fills a whole run."""
        return (self.size or 0) >= LARGE

    @property
    def process(self) -> str:
        """The name of the process that runs the case.

        A twin runs in a process of its own, because processes differ. So does a large case: its
        round is one operation, and rounds in one process would agree with each other but not with
        those of the next process. So does a frozen case, because `gc.freeze()` lasts.
        """
        if self.large or self.frozen:
            return self.key
        name = f"{self.backend} (twin)" if self.twin else self.backend
        return f"{name} (fresh allocator)" if self.allocator == "fresh" else name

    @property
    def kept_connections(self) -> int:
        """The connections that the pool keeps open: none without a pool."""
        unpooled = dict(pairs(self.connect)).get("engine.poolclass") == "NullPool"
        return 0 if unpooled else self.pool.size or self.concurrency

    @property
    def connections(self) -> int:
        """The most connections that the case's clients hold open together."""
        kept = self.kept_connections
        if not kept:
            return self.concurrency
        overflow = int(dict(pairs(self.connect)).get("engine.max_overflow", 0))
        return kept + min(overflow, max(0, self.concurrency - kept))

    @property
    def process_names(self) -> tuple[str, ...]:
        """The names of the processes that share the case. The first is `process`.

        Cases of one and of several processes share processes, so that they share their luck.
        """
        others = range(2, self.processes + 1)
        return (self.process, *(f"{self.process} (process {number})" for number in others))

    def clients_of(self, process: int) -> range:
        """Return the numbers of the clients of one process, counted from 0: as even as can be."""
        bounds = [self.concurrency * number // self.processes for number in (process, process + 1)]
        return range(*bounds)

    @property
    def title(self) -> str:
        """The case in words: backend, workload, concurrency, and the factors with other values than
        their defaults."""
        words = [self.backend, self.workload]
        if self.size is not None:
            words.append(f"{self.size:,} row{'s' if self.size > 1 else ''}")
        if self.fetch != Fetch():
            words.append(str(self.fetch))
        words.append(f"at {self.concurrency}")
        if self.processes > 1:
            words.append(f"in {self.processes} processes")
        if self.session_scope == "operation":
            words.append("a session per operation")
        if self.transactions == "implicit":
            words.append("implicit transactions")
        if self.rows == "dict":
            words.append("as dicts")
        if self.loop == "uvloop":
            words.append(self.loop)
        if self.twin:
            words.append("its twin")
        if self.frozen:
            words.append("gc.freeze() before")
        if self.allocator == "fresh":
            words.append("fresh allocator")
        if not self.link.is_direct:
            words.append(f"{self.link} to the server")
        if self.connect:
            words.append(f"with {self.connect}")
        if self.transport:
            words.append("by TCP" if self.transport == "tcp" else "by a Unix socket")
        if not self.pool.is_default:
            words.append(str(self.pool))
        if self.rate is not None:
            words.append(self.rate_in_words)
        return ", ".join(words)

    @property
    def rate_in_words(self) -> str:
        """The arrivals in words; empty for a closed loop."""
        if self.rate is None:
            return ""
        return f"{self.rate:,} arrivals/s" + " at equal times" * (self.arrivals == "uniform")

    def as_dict(self) -> dict[str, Any]:
        """Return the case as in files, without the optional factors that have their default."""
        fields = asdict(self) | {"fetch": str(self.fetch), "link": self.link.as_dict()}
        fields["pool"] = self.pool.as_dict()
        if self.allocator == "warmed":
            del fields["allocator"]
        if not self.connect:
            del fields["connect"]
        if not self.transport:
            del fields["transport"]
        if self.arrivals == "poisson":
            del fields["arrivals"]
        if self.processes == 1:
            del fields["processes"]
        return {name: value for name, value in fields.items() if value not in (None, False)}

    @classmethod
    def from_dict(cls, case: dict[str, Any]) -> Self:
        """Return the case that `as_dict` gave. Raises `UsageError` for an unknown fetch."""
        link = Link(**case.get("link") or {})
        pool = Pool(**case.get("pool") or {})
        return cls(**case | {"fetch": Fetch.parse(case["fetch"]), "link": link, "pool": pool})

    def impossible(self, backend: AnyBackend) -> str | None:
        """Return why this backend cannot run the case, or None if it can."""
        workload = WORKLOADS[self.workload]
        if self.fetch.mode != "buffered" and not workload.streams:
            return f"{self.workload} has no rows to stream"
        if not self.fetch.offered_by(backend):
            return f"{self.backend} has no {self.fetch.mode} fetch"
        if self.transactions not in backend.transactions:
            return f"{self.backend} begins no transaction by itself: it is always autocommit"
        if self.rows == "dict" and not workload.streams:
            return f"{self.workload} has no rows to turn into dicts"
        if self.processes > self.concurrency:
            clients = "one client" if self.concurrency == 1 else f"{self.concurrency} clients"
            return f"{self.processes} processes cannot share {clients}"
        if backend.in_memory and not self.link.is_direct:
            return f"{self.backend} asks no server, so that no network can be between"
        if backend.in_memory and self.transport:
            return f"{self.backend} asks no server, so that there is no way to it"
        if self.transport and not self.link.is_direct:
            return "a network between is TCP: --transport is for --latency 0"
        return self._impossible_at_a_rate() if self.rate is not None else None

    def _impossible_at_a_rate(self) -> str | None:
        if self.fetch.mode != "buffered":
            return (
                f"{self.fetch} does not fit --rate: a first row would be timed from the call, and"
                " not from the arrival"
            )
        if self.loop == "uvloop":
            return "uvloop does not fit --rate: its timers are whole milliseconds"
        if self.processes > 1:
            return "one process serves the arrivals of a rate, in their order"
        return None
