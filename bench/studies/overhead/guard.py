"""The cost of session_guard where nothing is shared: for a call, and for a unit of work.

Turns of the guarded and the unguarded sides follow each other at once, in random order, on the same
connections, so that a disturbance of the machine affects all sides (compare `ab_pairs`).
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns

from session_guard import GuardedSession, guard_engine
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from accessors.aio.engine import open_engine
from accessors.api import Target
from accessors.statements import ORM
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval, median_over_rounds
from bench.measure.allocator import bring_into

MOST_NS_A_CALL = 1_500
MOST_SHARE = 1.03

WITHIN = 0.005
"""The largest half width of the intervals of a unit of work, as a share of the median."""

BARE, SESSION, ENGINE, BOTH = "neither", "GuardedSession", "guard_engine", "both"
EVENTS = "an idle event"
"""An engine with a listener for one event that does nothing. SQLAlchemy then announces all events
of the engine, so no guard that uses public events costs less."""
PARTS = (BARE, SESSION), (BARE, EVENTS, ENGINE, BOTH)
"""The sides of each part, which take turns. GuardedSession comes first and alone, because a guarded
engine announces more events."""
SHOWN = (SESSION, EVENTS, ENGINE, BOTH)
NARROW = (SESSION, ENGINE)
"""The sides whose intervals decide how long a part is measured."""

_CALLS = 1_000
_UNITS = 50
"""Units of work in a turn. With ten, the code of a guard that no other side runs stayed colder than
in real use."""
_LEAST_ROUNDS = 50
_MOST_S = 60.0
"""The limit for a part, in seconds: on some machines the intervals never become narrow."""
_ROUNDS_AT_ONCE = 50

Makers = dict[str, async_sessionmaker[AsyncSession]]


@dataclass(frozen=True)
class GuardRound:
    """A turn of each side of a part: ns per call, and ns per unit of work."""

    call_ns: dict[str, float]
    unit_ns: dict[str, float]


@dataclass(frozen=True)
class GuardCost:
    rounds: Sequence[GuardRound]

    @property
    def a_call_ns(self) -> Interval:
        """The time that GuardedSession adds to a call: the median difference of paired turns."""
        calls = [round_.call_ns for round_ in self.rounds if SESSION in round_.call_ns]
        added = [call_ns[SESSION] - call_ns[BARE] for call_ns in calls]
        return _known(median_over_rounds(added))

    @property
    def a_unit_ns(self) -> Interval:
        """The time of a unit of work without a guard."""
        return _known(median_over_rounds([round_.unit_ns[BARE] for round_ in self.rounds]))

    def share(self, side: str) -> Interval:
        """Return the ratio of a guarded unit of work to an unguarded one."""
        guarded, bare = (
            {
                number: round_.unit_ns[which]
                for number, round_ in enumerate(self.rounds)
                if side in round_.unit_ns
            }
            for which in (side, BARE)
        )
        return _known(ratio_of_rounds(guarded, bare))

    def narrow(self, part: Sequence[str]) -> bool:
        shares = (self.share(side).relative for side in NARROW if side in part)
        return all(width is not None and width <= WITHIN for width in shares)

    @property
    def kept(self) -> bool:
        """Whether the medians of GuardedSession alone are within the limits."""
        kept = self.share(SESSION).median <= MOST_SHARE
        return kept and self.a_call_ns.median <= MOST_NS_A_CALL


def _known(interval: Interval | None) -> Interval:
    assert interval is not None, "there is always a round"
    return interval


def measure(
    url: str, order_ids: int, most_rounds: int, on_progress: Callable[[GuardCost], None]
) -> GuardCost:
    """Measure rounds until the intervals are narrow enough, or a minute is over.

    `most_rounds` limits the rounds of a part. `order_ids`: the orders have the ids 1 to this.
    """
    bring_into("warmed")
    return asyncio.run(_measure(url, order_ids, most_rounds, on_progress))


async def _measure(
    url: str, order_ids: int, most_rounds: int, on_progress: Callable[[GuardCost], None]
) -> GuardCost:
    async with open_engine("asyncpg", Target(url, 1, "implicit")) as engine:
        # All sides share one pool: two sets of connections differ by more than a guard costs.
        guarded, listening = (
            create_async_engine(engine.url, pool=engine.sync_engine.pool) for _ in range(2)
        )
        event.listen(listening.sync_engine, "engine_connect", lambda connection: None)
        makers = {
            BARE: async_sessionmaker(engine),
            SESSION: async_sessionmaker(engine, sync_session_class=GuardedSession),
            EVENTS: async_sessionmaker(listening),
            ENGINE: async_sessionmaker(guarded),
            BOTH: async_sessionmaker(guarded, sync_session_class=GuardedSession),
        }
        cost = GuardCost(())
        for part in PARTS:
            if ENGINE in part:
                guard_engine(guarded)
            await _round(part, makers, order_ids)
            done, began_ns = 0, perf_counter_ns()
            while done < most_rounds and not (done >= _LEAST_ROUNDS and cost.narrow(part)):
                if perf_counter_ns() - began_ns > _MOST_S * 1e9:
                    break
                amount = min(_ROUNDS_AT_ONCE, most_rounds - done)
                more = [await _round(part, makers, order_ids) for _ in range(amount)]
                cost = GuardCost((*cost.rounds, *more))
                on_progress(cost)
                done += amount
        return cost


async def _round(part: Sequence[str], makers: Makers, order_ids: int) -> GuardRound:
    call_ns, unit_ns = {}, {}
    for side in random.sample(part, len(part)):
        call_ns[side] = _calls(makers[side])
        unit_ns[side] = await _units(makers[side], order_ids)
    return GuardRound(call_ns, unit_ns)


def _calls(maker: async_sessionmaker[AsyncSession]) -> float:
    """Return the ns of a call. The method has no work to do, so that its guard is most of it."""
    flush = maker().sync_session.flush
    flush()
    began_ns = perf_counter_ns()
    for _ in range(_CALLS):
        flush()
    return (perf_counter_ns() - began_ns) / _CALLS


async def _units(maker: async_sessionmaker[AsyncSession], order_ids: int) -> float:
    """Return the ns of a unit of work: open a session, do one point read, close the session."""
    read = ORM.total_cost_of_an_order
    ids = [random.randint(1, order_ids) for _ in range(_UNITS)]
    began_ns = perf_counter_ns()
    for order_id in ids:
        async with maker() as session:
            await session.scalar(read.statement, read.bind(order_id))
    return (perf_counter_ns() - began_ns) / _UNITS
