"""The cases of the streaming experiment. They are chosen so that it takes five minutes.

There are three sweeps, for `get_customers` and `get_orders_between_dates`: result sizes, with the
plain fetches; batch sizes, with every fetch that a library has; and a concurrency of eight.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from accessors import DiscoveredBackend
from accessors.api import AnyBackend
from bench.model.case import Case, Loop
from bench.model.connect import Setting, variants
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.model.fetch import Fetch
from bench.model.plan import Plan, asks_a_server
from bench.model.profiles import FINE_HEARTBEAT_S, SQLALCHEMY_ON_PSYCOPG, Profile

FUNCTIONS = ("get_customers", "get_orders_between_dates")
BATCHED = Fetch("batched", 1000)
PLAIN_WAYS = (Fetch("buffered"), Fetch("streamed"), BATCHED)
BATCH_SIZES = (10, 100, 1_000, 10_000)
FURTHER_WAYS = (
    *(Fetch("streamed", size) for size in BATCH_SIZES),
    *(Fetch("batched", size) for size in BATCH_SIZES if size != BATCHED.batch_size),
    Fetch("iterated"),
    Fetch("single-row"),
    Fetch("single-row", 1000),
)
LARGE_WAYS = tuple(way for way in FURTHER_WAYS if (way.batch_size or 1000) >= 1000)
"""The fetches of the largest result. Batches of ten or a hundred would take seconds, and show that
they need no memory."""
EVERY_WAY = PLAIN_WAYS + FURTHER_WAYS
QUICK_WAYS = tuple(way for way in FURTHER_WAYS if way.batch_size in (None, 10, 1000))

RUN_SIZES = (1, 10, 100, 1_000, 10_000)
"""The sizes of results that a run fetches repeatedly, in rows."""
LONE_SIZES = (10_000, 100_000)
"""The sizes of results that are fetched once in a fresh process, to measure the memory. The time of
the largest comes from there as well, because a run of it would take the ORM five seconds."""
LARGEST = LONE_SIZES[-1]
QUICK_LONE_SIZES = (10_000, 30_000)

CONCURRENCY = 8
CONCURRENT_ROWS = 1_000

PROMISED = ("orm+psycopg2", "orm+asyncpg")
PROMISED_WAYS = (PLAIN_WAYS[0], BATCHED)
"""The fetches whose largest result runs in every round, without and with `gc.freeze()`, because
`checks` makes statements about its ratios."""

REPEATED = 2
"""The rounds of the plain fetches."""

BARE = ("psycopg2", "asyncpg")
BARE_ROWS = 2_000
BARE_WAYS = (Fetch("streamed", 1000), BATCHED)
"""The streams that have a bare loop."""

QUICK_BACKENDS = ("psycopg2", "asyncpg", "core+asyncpg", *PROMISED)

STREAMING = Profile(
    "streaming",
    "does it stream, what does it gain, what does it cost?",
    (),
    rounds=4,
    seconds=0.02,
    warm_up_s=0.01,
    heartbeat_s=FINE_HEARTBEAT_S,
    leaves_out=(
        "SQLAlchemy on psycopg except with 10,000 rows, because it streams as on psycopg2 and"
        " asyncpg; batch sizes other than 1,000 of get_orders_between_dates, and of the ORM's"
        " largest results; batches of less than 1,000 of all largest results"
    ),
)

STREAMING_QUICK = replace(
    STREAMING,
    name="streaming-quick",
    rounds=2,
    leaves_out=(
        "results of more than 30,000 rows, get_orders_between_dates, concurrency, batches of 100"
        " and of 10,000, bare loops, and all backends but " + ", ".join(QUICK_BACKENDS)
    ),
)

PROFILES = {profile.name: profile for profile in (STREAMING, STREAMING_QUICK)}

_Backends = Mapping[str, AnyBackend]


def plan(
    backends: Mapping[str, DiscoveredBackend], *, quick: bool, most_rows: int = LARGEST
) -> Plan:
    """Return the experiment's cases for these backends.

    `quick`: fewer cases. Results of more than `most_rows` rows are left out.

    Raises `UsageError` if no backend asks a server.
    """
    asking = {
        name: found.backend
        for name, found in backends.items()
        if found.backend and not found.backend.in_memory
    }
    if not asking:
        raise UsageError(
            "nothing to stream: a backend that answers from memory has only three rows."
        )

    def small(cases: Iterable[Case]) -> tuple[Case, ...]:
        return tuple(dict.fromkeys(case for case in cases if (case.size or 0) <= most_rows))

    chosen = _quick(asking) if quick else _whole(asking, most_rows)
    return Plan(
        STREAMING_QUICK if quick else STREAMING,
        small(chosen.rounds),
        memory_cases=small(chosen.alone),
        probes={"proof": small(chosen.proofs), "bare loops": small(chosen.bare)},
        fewer_rounds={case: rounds for case, rounds in chosen.rounds.items() if rounds},
    )


def connected(
    plan: Plan, backends: Mapping[str, DiscoveredBackend], settings: Sequence[Setting]
) -> Plan:
    """Return the plan whose cases connect by those of these settings that their backends take.

    Raises `UsageError` for several values of one option: the verdicts are of one way to connect.
    """
    given: dict[str, Setting] = {}
    for setting in settings:
        if given.setdefault(setting.option, setting) is not setting:
            raise UsageError(
                f"--connect has two values of {setting.option}, and a verdict is of one.\n"
                "Leave one out, or compare them with `bench run`."
            )

    def by_way(cases: Iterable[Case]) -> tuple[Case, ...]:
        return tuple(replace(case, connect=ways[case.backend]) for case in cases)

    ways = {
        name: variants(settings, found.backend)[0]
        for name, found in backends.items()
        if found.backend
    }
    return replace(
        plan,
        cases=by_way(plan.cases),
        memory_cases=by_way(plan.memory_cases),
        probes={name: by_way(cases) for name, cases in plan.probes.items()},
        fewer_rounds=dict(zip(by_way(plan.fewer_rounds), plan.fewer_rounds.values(), strict=True)),
    )


def probes_of_run(
    cases: Iterable[Case], backends: Mapping[str, DiscoveredBackend]
) -> dict[str, tuple[Case, ...]]:
    """Return the cases of any run that are proved to stream or to buffer."""
    proved = (case for case in cases if case.workload == FUNCTIONS[0] and case.concurrency == 1)
    return {"proof": tuple(case for case in proved if asks_a_server(case, backends))}


def rows(most_rows: int) -> Dataset:
    """Return the dataset of scale 1, with enough customers for the largest result."""
    times = -(-min(most_rows, LARGEST) // Dataset().customers)
    return Dataset(more_customers=times)


@dataclass
class _ChosenCases:
    rounds: dict[Case, int | None]
    """Cases that are run -> their number of rounds; None: all rounds."""
    alone: list[Case]
    """Cases that are fetched once in a fresh process."""
    proofs: list[Case]
    bare: list[Case]


def _whole(backends: _Backends, most_rows: int) -> _ChosenCases:
    few = _without(backends, SQLALCHEMY_ON_PSYCOPG)
    promised = _only(backends, PROMISED)
    not_orm = {name: backend for name, backend in few.items() if backend.layer != "orm"}
    customers = FUNCTIONS[0]
    largest = list(cases_of(promised, [customers], PROMISED_WAYS, (LARGEST,)))
    return _ChosenCases(
        rounds=dict.fromkeys(cases_of(backends, FUNCTIONS, PLAIN_WAYS, RUN_SIZES[-1:]), REPEATED)
        | dict.fromkeys(largest)
        | dict.fromkeys(replace(case, frozen=True) for case in largest)
        | dict.fromkeys(cases_of(few, FUNCTIONS, PLAIN_WAYS, RUN_SIZES[:-1]), 1)
        | dict.fromkeys(cases_of(few, [customers], FURTHER_WAYS, RUN_SIZES[-1:]), 1)
        | dict.fromkeys(cases_of(few, FUNCTIONS, PLAIN_WAYS, (CONCURRENT_ROWS,), CONCURRENCY), 1),
        alone=[
            *cases_of(few, FUNCTIONS, PLAIN_WAYS, LONE_SIZES),
            *cases_of(few, [customers], FURTHER_WAYS, LONE_SIZES[:1]),
            *cases_of(not_orm, [customers], LARGE_WAYS, (LARGEST,)),
            *cases_of(promised, [customers], (Fetch("streamed", 1000),), (LARGEST,)),
        ],
        proofs=[
            *cases_of(few, [customers], EVERY_WAY),
            *cases_of(few, FUNCTIONS[1:], PLAIN_WAYS, (min(LARGEST, most_rows),)),
            *cases_of(_without(backends, few), [customers], PLAIN_WAYS),
        ],
        bare=list(cases_of(_only(backends, BARE), [customers], BARE_WAYS, (BARE_ROWS,))),
    )


def _quick(backends: _Backends) -> _ChosenCases:
    few = _only(backends, QUICK_BACKENDS) or backends
    customers = FUNCTIONS[:1]
    return _ChosenCases(
        rounds=dict.fromkeys(cases_of(few, customers, PLAIN_WAYS, RUN_SIZES))
        | dict.fromkeys(cases_of(few, customers, QUICK_WAYS, RUN_SIZES[-1:]), 1),
        alone=list(cases_of(few, customers, PLAIN_WAYS, QUICK_LONE_SIZES)),
        proofs=list(cases_of(few, customers, PLAIN_WAYS + QUICK_WAYS)),
        bare=[],
    )


def cases_of(
    backends: _Backends,
    functions: Sequence[str],
    fetches: Sequence[Fetch],
    sizes: Sequence[int | None] = (None,),
    concurrency: int = 1,
) -> Iterator[Case]:
    """Yield the cases of each function, size, fetch and backend, as far as the library has them."""
    for function, size, fetch in product(functions, sizes, fetches):
        for name, backend in backends.items():
            if fetch.offered_by(backend):
                loop: Loop = "none" if backend.mode == "sync" else "asyncio"
                yield Case(name, function, fetch, concurrency, loop=loop, size=size)


def _only(backends: _Backends, others: Sequence[str]) -> _Backends:
    return {name: backends[name] for name in others if name in backends}


def _without(backends: _Backends, others: Container[str]) -> _Backends:
    return {name: backend for name, backend in backends.items() if name not in others}
