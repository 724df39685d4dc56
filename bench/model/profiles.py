"""The profiles: lists of cases of a known length, and the factors that options replace in them."""

from dataclasses import dataclass, replace
from typing import Self

from accessors.api import Transactions
from bench.model.case import Allocator, Loop, RowForm, SessionScope, Transport
from bench.model.connect import Setting
from bench.model.fetch import Fetch
from bench.model.link import Link
from bench.model.rate import ArrivalPattern
from bench.model.workload import FUNCTIONS

POINT_READ = "get_total_cost_of_an_order"
NULL_BACKENDS = ("null", "null-async")
CORE = ("core+psycopg2", "core+asyncpg")
SQLALCHEMY_ON_PSYCOPG = ("core+psycopg", "core+psycopg-async", "orm+psycopg", "orm+psycopg-async")


HEARTBEAT_S = 0.02
"""The time between two heartbeats of the event loop, which show its stalls. A heartbeat wakes a
sleeping process: one every 10 ms took 2 % of the CPU time of lone point reads."""

FINE_HEARTBEAT_S = 0.001
"""The time between two heartbeats where operations of thousands of rows keep the loop awake, and a
window ends before a few of the usual heartbeats are over: a stall of half the window would fall
between them. asyncio's clock tells no shorter time apart. Lone point reads took 1.3 times the CPU
with it, because a timer before the kernel's own tick is armed anew at every wait."""

GENERATIONS = 3
"""The number of times that a run starts its worker processes. Two processes of one program differ:
by the layout of their memory, their hash seeds, the cores that they run on. Several are sampled."""

LEAST_ROUNDS = 9
"""The fewest rounds of a run with enough windows: the interval of their median is 96 % sure."""

SHORT_WINDOW_S = 0.2
"""The window below which `heartbeat_s` takes the fine heartbeat."""


def heartbeat_s(usual_s: float, window_s: float, *, many_rows: bool) -> float:
    """Return the time between two heartbeats. A stall is read too short by up to that time."""
    fine = many_rows and window_s < SHORT_WINDOW_S
    return min(usual_s, FINE_HEARTBEAT_S) if fine else usual_s


@dataclass(frozen=True)
class Factors:
    """Values that replace the factors of a profile. An empty tuple keeps the profile's factor."""

    workloads: tuple[str, ...] = ()
    fetches: tuple[Fetch, ...] = ()
    concurrency: tuple[int, ...] = ()
    session_scopes: tuple[SessionScope, ...] = ()
    transactions: tuple[Transactions, ...] = ()
    rows: tuple[RowForm, ...] = ()
    loops: tuple[Loop, ...] = ()
    connect: tuple[Setting, ...] = ()
    """Settings of `--connect`. Several values of one option are compared."""
    allocators: tuple[Allocator, ...] = ()
    links: tuple[Link, ...] = ()
    transports: tuple[Transport, ...] = ()
    rates: tuple[int | None, ...] = ()
    arrivals: ArrivalPattern = "poisson"
    processes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Block:
    """A product of factors. Every backend runs every combination."""

    workloads: tuple[str, ...]
    fetches: tuple[Fetch, ...] = (Fetch(),)
    concurrency: tuple[int, ...] = (1,)
    session_scopes: tuple[SessionScope, ...] = ("task",)
    transactions: tuple[Transactions, ...] = ("autocommit",)
    rows: tuple[RowForm, ...] = ("native",)
    loops: tuple[Loop, ...] = ("asyncio",)
    allocators: tuple[Allocator, ...] = ("warmed",)
    links: tuple[Link, ...] = (Link(),)
    transports: tuple[Transport, ...] = ("",)
    rates: tuple[int | None, ...] = (None,)
    arrivals: ArrivalPattern = "poisson"
    processes: tuple[int, ...] = (1,)
    without: tuple[str, ...] = ()
    """Backends that leave this block out, unless no other backend was chosen."""

    def with_factors(self, factors: Factors) -> Self:
        """Return this block with `factors` in place of its own."""
        return replace(
            self,
            workloads=factors.workloads or self.workloads,
            fetches=factors.fetches or self.fetches,
            concurrency=factors.concurrency or self.concurrency,
            session_scopes=factors.session_scopes or self.session_scopes,
            transactions=factors.transactions or self.transactions,
            rows=factors.rows or self.rows,
            loops=factors.loops or self.loops,
            allocators=factors.allocators or self.allocators,
            links=factors.links or self.links,
            transports=factors.transports or self.transports,
            rates=factors.rates or self.rates,
            arrivals=factors.arrivals,
            processes=factors.processes or self.processes,
        )


@dataclass(frozen=True)
class Profile:
    """Blocks of cases, and how long and how often each case runs."""

    name: str
    description: str
    blocks: tuple[Block, ...]
    rounds: int
    seconds: float
    """Duration of a run, from the start barrier to the deadline."""
    warm_up_s: float
    scale: float = 1.0
    heartbeat_s: float = HEARTBEAT_S
    leaves_out: str = ""
    generations: int = GENERATIONS
    """The number of times that a run with this profile starts its worker processes."""
    enough_s: float | None = None
    """Seconds of windows that are enough for a run, after `LEAST_ROUNDS`. On a slower machine
    operations and windows are longer, and fewer rounds do. Cases that differ in their backend alone
    have equally many."""


_EVERY_WAY = (
    Fetch("buffered"),
    Fetch("streamed"),
    Fetch("streamed", 1000),
    Fetch("batched", 100),
    Fetch("batched", 1000),
    Fetch("batched", 10_000),
)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            "does everything work? Its figures mean nothing",
            (
                Block((POINT_READ,), concurrency=(1, 2)),
                Block(("get_customers",), (Fetch(), Fetch("streamed"), Fetch("batched", 1000))),
                Block(("mixed",), concurrency=(2,)),
                Block((POINT_READ,), session_scopes=("operation",), transactions=("implicit",)),
            ),
            rounds=2,
            seconds=0.02,
            warm_up_s=0.01,
            scale=0.01,
            leaves_out="any figure worth reading: it only shows that all works",
        ),
        Profile(
            "quick",
            "the cases that answer most questions in two minutes",
            (
                Block((POINT_READ,), concurrency=(1, 16)),
                Block(
                    (POINT_READ,),
                    session_scopes=("operation",),
                    transactions=("autocommit", "implicit"),
                    without=NULL_BACKENDS,
                ),
                Block(
                    ("get_customers",),
                    (Fetch(), Fetch("streamed"), Fetch("batched", 1000)),
                    without=(*NULL_BACKENDS, *SQLALCHEMY_ON_PSYCOPG),
                ),
                Block(("mixed",), concurrency=(4,)),
                # Beside the same read without a network: a chart of both for six backends.
                Block(
                    (POINT_READ,),
                    links=(Link(latency_ns=1_000_000),),
                    without=(*NULL_BACKENDS, *CORE, *SQLALCHEMY_ON_PSYCOPG),
                ),
            ),
            rounds=12,
            seconds=0.05,
            warm_up_s=0.02,
            scale=0.5,
            generations=2,  # each costs eight seconds: processes, pools, first warm-ups
            enough_s=60.0,
            leaves_out=(
                "four of the six functions alone, other concurrencies, streams of SQLAlchemy on"
                " psycopg (which are those on psycopg2 and asyncpg), other batch sizes, rows as"
                " dicts, uvloop, and differences of a few percent: --budget finds them"
            ),
        ),
        Profile(
            "full",
            "every function at every concurrency, every way of fetching",
            (
                Block((*FUNCTIONS, "mixed"), concurrency=(1, 4, 16, 64)),
                Block(
                    (POINT_READ, "get_orders_of_customer"),
                    concurrency=(1, 16),
                    session_scopes=("operation",),
                    transactions=("autocommit", "implicit"),
                ),
                Block(
                    ("get_customers", "get_orders_between_dates"), _EVERY_WAY, concurrency=(1, 8)
                ),
                Block(("get_customers", "get_orders_of_customer"), rows=("dict",)),
                Block(
                    (POINT_READ,),
                    concurrency=(1, 16),
                    links=(Link(latency_ns=500_000), Link(latency_ns=2_000_000)),
                    without=NULL_BACKENDS,
                ),
                # Beside one process with as many clients, which the first block has.
                Block(
                    (POINT_READ, "get_customers"),
                    concurrency=(16,),
                    processes=(2, 4),
                    without=NULL_BACKENDS,
                ),
            ),
            rounds=6,
            seconds=1.0,
            warm_up_s=0.25,
            leaves_out="uvloop (--loop uvloop), and scales other than 1 (--scale 10)",
        ),
    )
}
