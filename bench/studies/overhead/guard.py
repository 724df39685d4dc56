"""What the guard of session_guard costs where nothing is shared: a call, and a unit of work.

Turns of the guarded and the unguarded side follow each other at once, in drawn order, on the same
connections, so that whatever else the machine does hits all sides (compare `ab_pairs`).
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

MOST_NS_A_CALL = 1_500
MOST_SHARE = 1.03

WITHIN = 0.005
"""How narrow the intervals of a unit of work have to be, either way."""

BARE, SESSION, ENGINE, BOTH = "neither", "GuardedSession", "guard_engine", "both"
EVENTS = "an idle event"
"""An engine of which one event is listened to, and nothing done: then SQLAlchemy announces all of
its events. No guard on public events costs less."""
PARTS = (BARE, SESSION), (BARE, EVENTS, ENGINE, BOTH)
"""Sides that take turns. GuardedSession alone first: more is heard once an engine is guarded."""
SHOWN = (SESSION, EVENTS, ENGINE, BOTH)
NARROW = (SESSION, ENGINE)
"""Whose intervals decide how long it is measured."""

_CALLS = 1_000
_UNITS = 50
"""A turn: of ten, a guard that no other side runs was never as warm as where it is used."""
_LEAST_ROUNDS = 50
_MOST_S = 60.0
"""Of a part: a machine that never lets intervals become narrow is not waited for."""
_ROUNDS_AT_ONCE = 50

Makers = dict[str, async_sessionmaker[AsyncSession]]


@dataclass(frozen=True)
class GuardRound:
    """A turn of each side of a part: ns a call, and ns a unit of work."""

    call_ns: dict[str, float]
    unit_ns: dict[str, float]


@dataclass(frozen=True)
class GuardCost:
    rounds: Sequence[GuardRound]

    @property
    def a_call_ns(self) -> Interval:
        """What GuardedSession adds to a call: the median difference of paired turns."""
        calls = [each.call_ns for each in self.rounds if SESSION in each.call_ns]
        added = [each[SESSION] - each[BARE] for each in calls]
        return _known(median_over_rounds(added))

    @property
    def a_unit_ns(self) -> Interval:
        """A unit of work without a guard."""
        return _known(median_over_rounds([each.unit_ns[BARE] for each in self.rounds]))

    def share(self, side: str) -> Interval:
        """A guarded unit of work over an unguarded one."""
        guarded, bare = (
            {
                number: each.unit_ns[which]
                for number, each in enumerate(self.rounds)
                if side in each.unit_ns
            }
            for which in (side, BARE)
        )
        return _known(ratio_of_rounds(guarded, bare))

    def narrow(self, part: Sequence[str]) -> bool:
        shares = (self.share(side).relative for side in NARROW if side in part)
        return all(width is not None and width <= WITHIN for width in shares)

    @property
    def kept(self) -> bool:
        """True when the medians of GuardedSession alone keep what it promises."""
        kept = self.share(SESSION).median <= MOST_SHARE
        return kept and self.a_call_ns.median <= MOST_NS_A_CALL


def _known(interval: Interval | None) -> Interval:
    assert interval is not None, "there is always a round"
    return interval


def measure(
    url: str, order_ids: int, most_rounds: int, on_progress: Callable[[GuardCost], None]
) -> GuardCost:
    """Rounds until the shares are known well enough, or a minute is over; at most so many a part.

    `order_ids`: there are orders 1 to this.
    """
    return asyncio.run(_measure(url, order_ids, most_rounds, on_progress))


async def _measure(
    url: str, order_ids: int, most_rounds: int, on_progress: Callable[[GuardCost], None]
) -> GuardCost:
    async with open_engine("asyncpg", Target(url, 1, "implicit")) as engine:
        # One pool behind all: two sets of connections differ by more than a guard costs.
        watched, heard = (
            create_async_engine(engine.url, pool=engine.sync_engine.pool) for _ in range(2)
        )
        event.listen(heard.sync_engine, "engine_connect", lambda connection: None)
        makers = {
            BARE: async_sessionmaker(engine),
            SESSION: async_sessionmaker(engine, sync_session_class=GuardedSession),
            EVENTS: async_sessionmaker(heard),
            ENGINE: async_sessionmaker(watched),
            BOTH: async_sessionmaker(watched, sync_session_class=GuardedSession),
        }
        found = GuardCost(())
        for part in PARTS:
            if ENGINE in part:
                guard_engine(watched)
            await _round(part, makers, order_ids)
            done, began_ns = 0, perf_counter_ns()
            while done < most_rounds and not (done >= _LEAST_ROUNDS and found.narrow(part)):
                if perf_counter_ns() - began_ns > _MOST_S * 1e9:
                    break
                amount = min(_ROUNDS_AT_ONCE, most_rounds - done)
                more = [await _round(part, makers, order_ids) for _ in range(amount)]
                found = GuardCost((*found.rounds, *more))
                on_progress(found)
                done += amount
        return found


async def _round(part: Sequence[str], makers: Makers, order_ids: int) -> GuardRound:
    call_ns, unit_ns = {}, {}
    for side in random.sample(part, len(part)):
        call_ns[side] = _calls(makers[side])
        unit_ns[side] = await _units(makers[side], order_ids)
    return GuardRound(call_ns, unit_ns)


def _calls(maker: async_sessionmaker[AsyncSession]) -> float:
    """Of a method that has nothing to do, so that its guard is most of it."""
    flush = maker().sync_session.flush
    flush()
    began_ns = perf_counter_ns()
    for _ in range(_CALLS):
        flush()
    return (perf_counter_ns() - began_ns) / _CALLS


async def _units(maker: async_sessionmaker[AsyncSession], order_ids: int) -> float:
    """Open a session, one point read, close it."""
    read = ORM.total_cost_of_an_order
    ids = [random.randint(1, order_ids) for _ in range(_UNITS)]
    began_ns = perf_counter_ns()
    for order_id in ids:
        async with maker() as session:
            await session.scalar(read.statement, read.bind((order_id,)))
    return (perf_counter_ns() - began_ns) / _UNITS
