"""The cases of `bench pool`: pool sizes against numbers of clients, for each library's own pool.

Each operation takes a connection from the pool and gives it back, as in a web application.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from accessors import DiscoveredBackend
from accessors.api import AnyBackend
from accessors.connect_options import ENGINE
from bench.model.case import Case
from bench.model.connect import SEPARATOR, Setting, variants
from bench.model.errors import UsageError
from bench.model.link import Link
from bench.model.plan import Plan, plan_of_cases
from bench.model.pool import Pool
from bench.model.pooling import impossible, needed
from bench.model.profiles import POINT_READ, Profile
from bench.server.pgbouncer import Program
from bench.studies.pool.deadlock import TIMEOUT_S

CONCURRENCY = (1, 4, 16)
BACKENDS = ("psycopg2", "psycopg", "asyncpg", "psycopg-async", "orm+psycopg2", "orm+asyncpg")
QUICK_BACKENDS = ("asyncpg", "orm+asyncpg")

DEFAULT_SIZE, DEFAULT_OVERFLOW = 5, 10
"""https://docs.sqlalchemy.org/en/20/core/pooling.html#sqlalchemy.pool.QueuePool"""

OVERFLOW = f"engine.max_overflow={DEFAULT_OVERFLOW}"
PRE_PING = "engine.pool_pre_ping=true"
UNPOOLED = "engine.poolclass=NullPool"
OPTIONS = (OVERFLOW, PRE_PING, UNPOOLED)
"""The options of SQLAlchemy's pools that the study compares with a pool of a fixed size."""

POOL = Profile(
    "pool",
    "how large should a connection pool be, and when does it deadlock?",
    (),
    rounds=6,
    seconds=0.15,
    warm_up_s=0.03,
    scale=0.1,
    leaves_out="reads other than a point read, and a network between: --workload, --latency",
)
QUICK = replace(
    POOL,
    name="pool-quick",
    seconds=0.1,
    leaves_out=f"all backends but {' and '.join(QUICK_BACKENDS)}, and 4 clients",
)
PROFILES = {profile.name: profile for profile in (POOL, QUICK)}


@dataclass(frozen=True)
class Asked:
    """The factors of the command."""

    concurrency: tuple[int, ...] = CONCURRENCY
    sizes: tuple[int, ...] = ()
    """Pool sizes; empty for the powers of two up to the number of clients."""
    workload: str = POINT_READ
    links: tuple[Link, ...] = (Link(),)
    connect: tuple[Setting, ...] = ()
    """Settings of `--connect`, one value for each option, that every case has besides."""
    pgbouncer: Program | None = None
    """The PgBouncer to put in front of the server, as a further row; None: no such row."""
    timeout_s: float | None = None
    """Seconds that a client waits for a connection where waits are watched; None: as the library
    has it. The rounds always use the library's own."""


def plan(profile: Profile, backends: Mapping[str, DiscoveredBackend], asked: Asked) -> Plan:
    """Return the cases of these backends, and the cases of the two probes.

    Raises `UsageError` if no backend has a pool.
    """
    pooled = {
        name: found.backend
        for name, found in backends.items()
        if found.backend and found.backend.when_pool_is_empty
    }
    without = {
        f"{name}/{asked.workload}": f"{name} has no pool of its own: nothing to measure"
        for name in backends
        if name not in pooled
    }
    _check_connect(asked)
    if not pooled:
        raise UsageError(
            "nothing to measure: " + "; ".join(without.values()) + ".\n"
            "Choose backends with a pool, such as --backend orm+asyncpg --backend psycopg."
        )
    cases = [case for name in pooled for case in _cases(name, pooled[name], asked)]
    for name, backend in pooled.items() if asked.pgbouncer else ():
        if reason := _impossible_behind(name, backend, asked):
            without[f"{name}/{asked.workload}/PgBouncer"] = reason
        else:
            cases += _behind_pgbouncer(name, backend, asked)
    timed = [case for case in cases if _serves_all(case, pooled[case.backend])]
    if not timed:
        raise UsageError(
            "nothing to measure: a pool of psycopg2 does not let clients wait, and all are smaller"
            " than the number of clients.\nAdd a larger --size, or another --backend."
        )
    made = plan_of_cases(profile, backends, timed)
    waits = [replace(case, pool=replace(case.pool, timeout_s=asked.timeout_s)) for case in cases]
    deadlocks = [case for name in pooled for case in _deadlocks(name, pooled[name], asked)]
    return replace(
        made,
        impossible=without,
        probes={"pool waits": tuple(waits), "pool deadlock": tuple(deadlocks)},
    )


def _check_connect(asked: Asked) -> None:
    """Raise `UsageError` for a setting that the study varies, or that has several values."""
    own = {option.partition("=")[0] for option in OPTIONS}
    names = [setting.option for setting in asked.connect]
    for name in names:
        if name in own:
            raise UsageError(
                f"bench pool varies {name} itself.\nLeave --connect {name} out of the command."
            )
        if names.count(name) > 1:
            raise UsageError(
                f"bench pool takes one value of {name}.\nCompare several with bench run --connect."
            )


def sizes(asked: Asked, clients: int) -> list[int]:
    """Return the pool sizes to try with so many clients, in ascending order."""
    if asked.sizes:
        return sorted({min(size, clients) for size in asked.sizes})
    powers = {1 << place for place in range(clients.bit_length())}
    return sorted({size for size in powers if size <= clients} | {clients})


def _serves_all(case: Case, backend: AnyBackend) -> bool:
    """Return whether every operation gets a connection: its pool waits, or is large enough."""
    enough = case.pool.behind_pgbouncer or case.connections >= case.concurrency
    return backend.when_pool_is_empty == "wait" or enough


def _cases(name: str, backend: AnyBackend, asked: Asked) -> Iterator[Case]:
    for link in asked.links:
        for clients in asked.concurrency:
            plain = _case(name, backend, asked, clients, link)
            # The largest first: the A/A pairs are of the first case.
            for size in reversed(sizes(asked, clients)):
                yield replace(plain, pool=Pool(size))
            if ENGINE in backend.connect_options:
                yield with_option(replace(plain, pool=Pool(DEFAULT_SIZE)), OVERFLOW)
                yield with_option(replace(plain, pool=Pool(clients)), PRE_PING)
                yield with_option(plain, UNPOOLED)


def _behind_pgbouncer(name: str, backend: AnyBackend, asked: Asked) -> Iterator[Case]:
    """Yield the cases in which each client has a connection to PgBouncer, which has few to the
    server.

    Without a network between: PgBouncer is on this machine, where the server may not be.
    """
    assert asked.pgbouncer is not None
    for clients in asked.concurrency if Link() in asked.links else ():
        case = _case(name, backend, asked, clients, Link())
        if not asked.pgbouncer.keeps_prepared:
            for setting in needed(backend):
                case = with_option(case, setting)
        for size in reversed(pgbouncer_sizes(asked, clients)):
            yield replace(case, pool=Pool(pooler_size=size))


def pgbouncer_sizes(asked: Asked, clients: int) -> list[int]:
    """Return the sizes of PgBouncer's pool to try with so many clients, in ascending order.

    By default the powers of four, and as many as clients: PgBouncer keeps the connections of all.
    """
    if asked.sizes:
        return sizes(asked, clients)
    powers = {4**place for place in range(clients.bit_length()) if 4**place <= clients}
    return sorted(powers | {clients})


def _impossible_behind(name: str, backend: AnyBackend, asked: Asked) -> str | None:
    """Return why this backend has no row of PgBouncer; None if it has one."""
    assert asked.pgbouncer is not None
    if asked.pgbouncer.keeps_prepared:
        return None
    words = f"{name} behind PgBouncer {asked.pgbouncer.version}"
    options = {setting.option for setting in asked.connect}
    if lost := [text for text in needed(backend) if text.partition("=")[0] in options]:
        return f"{words}: it needs {lost[0]}, and --connect sets it"
    reason = impossible(backend, _case(name, backend, asked, 1, Link()), "transaction")
    return f"{words}: {reason}" if reason else None


def _deadlocks(name: str, backend: AnyBackend, asked: Asked) -> Iterator[Case]:
    """Yield the pools around the size that suffices when each client needs a second connection.

    Clients that each hold one connection leave none for the next in a pool of as many. One more is
    enough: https://github.com/brettwooldridge/HikariCP/wiki/About-Pool-Sizing
    """
    if backend.when_pool_is_empty != "wait":
        return  # a client gets an error at once, and waits for nobody
    clients = max(asked.concurrency)
    case = _case(name, backend, asked, clients, Link())
    for size in dict.fromkeys((1, clients, clients + 1)):
        yield replace(case, pool=Pool(size, TIMEOUT_S))
    if ENGINE in backend.connect_options:
        yield with_option(replace(case, pool=Pool(DEFAULT_SIZE, TIMEOUT_S)), OVERFLOW)


def _case(name: str, backend: AnyBackend, asked: Asked, clients: int, link: Link) -> Case:
    return Case(
        name,
        asked.workload,
        concurrency=clients,
        session_scope="operation",
        loop="none" if backend.mode == "sync" else "asyncio",
        link=link,
        connect=variants(asked.connect, backend)[0],
    )


def with_option(case: Case, option: str) -> Case:
    """Return the case with one more setting of SQLAlchemy's engine."""
    settings = [text for text in case.connect.split(SEPARATOR) if text]
    return replace(case, connect=SEPARATOR.join(sorted([*settings, option])))


def chosen_names(backends: Sequence[str], *, quick: bool) -> tuple[str, ...]:
    """Return the backends of the command: those that are named, or the study's own."""
    return tuple(backends) or (QUICK_BACKENDS if quick else BACKENDS)
