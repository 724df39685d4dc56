"""Which cases a command measures: the profiles, and what the options make of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from accessors import Found
from accessors.api import Transactions
from bench.model.case import Case, Fetch, Loop, RowForm, SessionScope
from bench.model.errors import UsageError
from bench.model.workload import FUNCTIONS, WORKLOADS

POINT_READ = "get_total_cost_of_an_order"
FLOOR = ("null", "null-async")
SQLALCHEMY_ON_PSYCOPG = ("core+psycopg", "core+psycopg-async", "orm+psycopg", "orm+psycopg-async")


@dataclass(frozen=True)
class Block:
    """A product of factors; each backend does each of its cases."""

    workloads: tuple[str, ...]
    fetches: tuple[Fetch, ...] = (Fetch(),)
    concurrency: tuple[int, ...] = (1,)
    session_scopes: tuple[SessionScope, ...] = ("task",)
    transactions: tuple[Transactions, ...] = ("autocommit",)
    rows: tuple[RowForm, ...] = ("native",)
    loops: tuple[Loop, ...] = ("asyncio",)
    without: tuple[str, ...] = ()
    """Backends that do not do it, unless they are all there is."""


@dataclass(frozen=True)
class Profile:
    """A question list of a known length."""

    name: str
    description: str
    blocks: tuple[Block, ...]
    rounds: int
    seconds: float
    """Of each run, from its start line to its deadline."""
    warm_up_s: float
    scale: float = 1.0
    leaves_out: str = ""


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
                    without=FLOOR,
                ),
                Block(
                    ("get_customers",),
                    (Fetch(), Fetch("streamed"), Fetch("batched", 1000)),
                    without=(*FLOOR, *SQLALCHEMY_ON_PSYCOPG),
                ),
                Block(("mixed",), concurrency=(4,)),
            ),
            rounds=6,
            seconds=0.05,
            warm_up_s=0.03,
            scale=0.5,
            leaves_out=(
                "four of the six functions alone, other concurrencies, streams of SQLAlchemy on"
                " psycopg (which are those on psycopg2 and asyncpg), other batch sizes, rows as"
                " dicts, uvloop, and small differences: 6 short rounds show what differs much"
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
            ),
            rounds=6,
            seconds=1.0,
            warm_up_s=0.25,
            leaves_out="uvloop (--loop uvloop), and scales other than 1 (--scale 10)",
        ),
    )
}


@dataclass(frozen=True)
class Plan:
    """What will be measured."""

    profile: Profile
    """With rounds, seconds and scale as the options have them."""
    cases: tuple[Case, ...]
    impossible: Mapping[str, str] = field(default_factory=dict)
    """Cases that were asked for and can't be: key -> why."""
    memory_cases: tuple[Case, ...] = ()
    """Of which the peak memory of one operation is measured."""
    proof_cases: tuple[Case, ...] = ()
    """Of which it is proved whether they stream."""
    bare_cases: tuple[Case, ...] = ()
    """Streams that are held against a bare loop on the same cursor."""
    fewer_rounds: Mapping[Case, int] = field(default_factory=dict)
    """In how many rounds, the first, a case is run that is not run in all of them."""

    @property
    def everything(self) -> list[Case]:
        """Each case of which anything is measured, in the order of tables."""
        alone = (*self.memory_cases, *self.proof_cases, *self.bare_cases)
        return list(dict.fromkeys([*self.cases, *alone]))

    @property
    def fetches(self) -> list[Fetch]:
        """Those to verify: of each mode, with the library's batch size and with one that is given.

        Another size is no other code.
        """
        found = {(c.fetch.mode, c.fetch.batch_size is None): c.fetch for c in self.everything}
        return list(found.values())

    @property
    def runs(self) -> int:
        """How many there will be."""
        every, fewer = self.profile.rounds, self.fewer_rounds
        return sum(min(every, fewer.get(case, every)) for case in self.cases)

    def of_round(self, number: int) -> list[Case]:
        """Those that are run in this round, from 0."""
        every = self.profile.rounds
        return [case for case in self.cases if number < self.fewer_rounds.get(case, every)]

    def left_out(self, backends: Iterable[str]) -> list[str]:
        """Why some of these backends have no case at all."""
        lost = set(backends) - {case.backend for case in self.cases}
        reasons = (why for key, why in self.impossible.items() if key.partition("/")[0] in lost)
        return list(dict.fromkeys(reasons))


def plan(
    profile: Profile,
    backends: Mapping[str, Found],
    factors: Mapping[str, Any] | None = None,
) -> Plan:
    """The profile's cases for these backends.

    `factors`: fields of `Block` and the values that take the place of the profile's. Raises
    `UsageError`, with the reasons, where no possible case is left.
    """
    blocks = [replace(block, **factors or {}) for block in profile.blocks]
    possible: dict[Case, None] = {}
    impossible: dict[str, str] = {}
    for case in _cases(blocks, list(backends)):
        found = backends[case.backend].backend
        assert found is not None, "unavailable backends are not planned"
        if found.colour == "sync":
            case = replace(case, loop="none")
        if reason := case.impossible(found):
            impossible[case.key] = reason
        else:
            possible[case] = None
    if not possible:
        raise UsageError(
            "nothing to measure: " + "; ".join(dict.fromkeys(impossible.values())) + ".\n"
            "`bench list` shows backends, workloads and profiles."
        )
    cases = list(possible)
    many_rows = tuple(
        case for case in cases if WORKLOADS[case.workload].many_rows and case.concurrency == 1
    )
    proofs = (case for case in many_rows if case.workload == "get_customers")
    return Plan(
        profile,
        _with_a_twin(cases, backends),
        impossible,
        memory_cases=many_rows,
        proof_cases=tuple(case for case in proofs if _asks_a_server(case, backends)),
    )


def _with_a_twin(cases: list[Case], backends: Mapping[str, Found]) -> tuple[Case, ...]:
    """And the noise floor's twin of a case that asks a server with the largest crowd.

    A lone task waits, and what waking costs is this machine's mood: its twin would be as far off
    as the mood, and no difference between cases that are busy could be told.
    """
    asking = [case for case in cases if _asks_a_server(case, backends)] or cases
    return (*cases, replace(max(asking, key=lambda case: case.concurrency), twin=True))


def _asks_a_server(case: Case, backends: Mapping[str, Found]) -> bool:
    backend = backends[case.backend].backend
    return backend is not None and not backend.in_memory


def _cases(blocks: Iterable[Block], backends: list[str]) -> Iterable[Case]:
    for block in blocks:
        names = [name for name in backends if name not in block.without] or backends
        factors = product(
            block.workloads,
            block.fetches,
            block.concurrency,
            block.session_scopes,
            block.transactions,
            block.rows,
            block.loops,
        )
        for combination in factors:
            for backend in names:
                yield Case(backend, *combination)
