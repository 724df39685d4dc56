"""A case: one combination of factors to measure, and its names in files, tables and charts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from accessors.api import AnyBackend, Transactions
from bench.model.connect import pairs
from bench.model.factor import Factor, declared, no_options, only, written
from bench.model.fetch import Fetch
from bench.model.link import Link
from bench.model.pool import Pool
from bench.model.rate import MOST_PER_S, ArrivalPattern
from bench.model.workload import WORKLOADS

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


@dataclass(frozen=True)
class Case:
    """Backend x workload x fetch x concurrency (x session scope x transactions x rows x loop).

    Each field is a factor, whose metadata say how it is written everywhere. The key has them in the
    order of the fields.
    """

    backend: str = field(metadata=written(always=True, place=0))
    workload: str = field(metadata=written(always=True, place=0))
    fetch: Fetch = field(
        default_factory=Fetch,
        metadata=written(
            always=True,
            place=2,
            words=lambda fetch: "" if fetch == Fetch() else str(fetch),
            write=str,
            read=Fetch.parse,
        ),
    )
    concurrency: int = field(
        default=1, metadata=written(always=True, place=3, words=lambda number: f"at {number}")
    )
    session_scope: SessionScope = field(
        default="task",
        metadata=written(always=True, words=only("operation", "a session per operation")),
    )
    transactions: Transactions = field(
        default="autocommit",
        metadata=written(always=True, words=only("implicit", "implicit transactions")),
    )
    rows: RowForm = field(
        default="native", metadata=written(always=True, words=only("dict", "as dicts"))
    )
    loop: Loop = field(
        default="asyncio",
        metadata=written(
            always=True,
            words=only("uvloop", "uvloop"),
            options=lambda loop: [] if loop == "none" else [("loop", loop)],
        ),
    )
    size: int | None = field(
        default=None,
        metadata=written(
            key=lambda rows: f"{rows} rows",
            words=lambda rows: f"{rows:,} row{'s' if rows > 1 else ''}",
            place=1,
            options=no_options,
        ),
    )
    """The number of rows of the joined result to ask for. None: the workload's own arguments."""
    twin: bool = field(
        default=False,
        metadata=written(key=only(True, "twin"), words=only(True, "its twin"), options=no_options),
    )
    """Whether this is the twin of an A/A pair: an equal case in another process. The difference of
    the two is the noise floor."""
    frozen: bool = field(
        default=False,
        metadata=written(
            key=only(True, "frozen"), words=only(True, "gc.freeze() before"), options=no_options
        ),
    )
    """Whether `gc.freeze()` hid from the garbage collector what the process held at the start
    barrier."""
    allocator: Allocator = field(
        default="warmed",
        metadata=written(
            key=only("fresh", "fresh allocator"), words=only("fresh", "fresh allocator")
        ),
    )
    link: Link = field(
        default_factory=Link,
        metadata=written(
            key=lambda link: f"link {link}",
            words=lambda link: f"{link} to the server",
            write=Link.as_dict,
            read=lambda fields: Link(**fields or {}),
            columns=vars,
            options=Link.options,
        ),
    )
    """The network between client and server; by default there is none."""
    connect: str = field(
        default="",
        metadata=written(
            words=lambda settings: f"with {settings}",
            options=lambda settings: [("connect", each) for each in settings.split(",") if each],
        ),
    )
    """The settings of `--connect` that the backend takes (bench/model/connect.py); empty: none."""
    transport: Transport = field(
        default="",
        metadata=written(words=lambda way: "by TCP" if way == "tcp" else "by a Unix socket"),
    )
    pool: Pool = field(
        default_factory=Pool,
        metadata=written(
            write=Pool.as_dict,
            read=lambda fields: Pool(**fields or {}),
            columns=lambda pool: {
                "pool_size": pool.size,
                "pool_timeout_s": pool.timeout_s,
                "pooler_size": pool.pooler_size,
            },
            options=no_options,
        ),
    )
    """The pool that the clients share; by default each of them has a connection."""
    rate: int | None = field(
        default=None,
        metadata=written(
            key=lambda rate: f"rate {rate}",
            words=lambda rate: f"{rate:,} arrivals/s",
            columns=lambda rate: {"rate_per_s": rate},
        ),
    )
    """Operations that arrive in a second, for all clients together (an open loop). None: each
    client sends its next operation when it has the answer to the last (a closed loop)."""
    arrivals: ArrivalPattern = field(
        default="poisson",
        metadata=written(
            joined=True, key=only("uniform", " uniform"), words=only("uniform", " at equal times")
        ),
    )
    """The times between two arrivals, if there is a rate."""
    processes: int = field(
        default=1,
        metadata=written(
            key=lambda number: f"{number} processes",
            words=lambda number: f"in {number} processes",
            place=4,
        ),
    )
    """The number of worker processes that share the clients. The concurrency is that of all."""

    @property
    def key(self) -> str:
        """The identity of the case: every factor, in a fixed order."""
        return "/".join(self._texts(FACTORS, lambda factor: factor.key))

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
        """The server connections that the pool keeps open: none without a pool of the client's."""
        if self.pool.behind_pgbouncer:
            return 0
        unpooled = dict(pairs(self.connect)).get("engine.poolclass") == "NullPool"
        return 0 if unpooled else self.pool.size or self.concurrency

    @property
    def connections(self) -> int:
        """The most server connections that the case's clients hold open together.

        Those of a PgBouncer are its own: it keeps them between the turns of its cases.
        """
        if self.pool.behind_pgbouncer:
            return 0
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
        return ", ".join(self._texts(_IN_TITLE, lambda factor: factor.words))

    @property
    def rate_in_words(self) -> str:
        """The arrivals in words; empty for a closed loop."""
        return "".join(self._texts(_OF_A_RATE, lambda factor: factor.words))

    def _texts(
        self, factors: "tuple[Factor, ...]", form: Callable[[Factor], Callable[[Any], str]]
    ) -> list[str]:
        """Return the texts of these factors in one of their forms, without empty ones."""
        texts: list[str] = []
        before = ""
        for factor in factors:
            value = getattr(self, factor.name)
            text = "" if factor.left_out(value) else form(factor)(value)
            if factor.joined and text and before:
                texts[-1] += text
            elif text and not factor.joined:
                texts.append(text)
            before = text
        return texts

    def as_dict(self) -> dict[str, Any]:
        """Return the case as in files, without the optional factors that have their default."""
        return {
            factor.name: factor.write(value)
            for factor in FACTORS
            if not factor.left_out(value := getattr(self, factor.name))
        }

    @classmethod
    def from_dict(cls, case: dict[str, Any]) -> Self:
        """Return the case that `as_dict` gave. Raises `UsageError` for an unknown fetch."""
        read = {factor.name: factor.read for factor in FACTORS}
        return cls(**{name: read[name](value) for name, value in case.items()})

    def columns(self) -> dict[str, Any]:
        """Return the columns of summary.csv, each with its cell; None is an empty cell."""
        cells: dict[str, Any] = {}
        stands = True
        for factor in FACTORS:
            value = getattr(self, factor.name)
            columns = factor.columns_of(value)
            cells |= columns if stands or not factor.joined else dict.fromkeys(columns)
            stands = not factor.left_out(value)
        return cells

    def options(self) -> list[tuple[str, str]]:
        """Return the options of `bench run` that ask for this case, without `--`.

        No option asks for a twin, a pool or a result of another size.
        """
        return [
            option
            for factor in FACTORS
            if not factor.left_out(value := getattr(self, factor.name))
            for option in factor.options_of(value)
        ]

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
        if self.rate is not None and self.rate > MOST_PER_S * self.processes:
            return (
                f"{self.rate:,} arrivals/s are more than {self.processes}"
                f" process{'es' * (self.processes > 1)} can begin (about {MOST_PER_S:,}/s each)"
            )
        return None


FACTORS = declared(Case)
"""The factors in the order of keys and files."""

_IN_TITLE = tuple(sorted(FACTORS, key=lambda factor: factor.place))
_OF_A_RATE = tuple(factor for factor in FACTORS if factor.name in ("rate", "arrivals"))
