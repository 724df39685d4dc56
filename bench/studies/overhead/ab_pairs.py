"""Short turns of the harness and of a bare loop, one after the other, on open connections.

Both use the same connections of the library's own pool, because two sets of connections differed
by 3 %. A turn is short and the other side's turn follows at once, so that other work of the machine
affects both.
"""

import asyncio
import random
import time
from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from itertools import cycle

import accessors
from accessors.api import AsyncBackend, Backend
from bench.measure.clients_async import AsyncClient
from bench.measure.clients_sync import Client
from bench.measure.heartbeat import Heartbeat
from bench.measure.runner import Job
from bench.measure.start_barrier import StartBarrier
from bench.measure.turn import ATTEMPTS, nothing_began
from bench.studies.overhead.baseline import ASYNC_LOOPS, SYNC_LOOPS, Flag


@dataclass(frozen=True)
class Turn:
    """The operations of one side, and the time that they took."""

    operations: int
    elapsed_ns: int
    client_cpu_ns: int

    @property
    def per_s(self) -> float:
        return self.operations / self.elapsed_ns * 1e9

    @property
    def cpu_ns_per_operation(self) -> float:
        return self.client_cpu_ns / self.operations


@dataclass(frozen=True)
class Pair:
    """A turn of each side."""

    harness: Turn
    bare: Turn


def take_turns(job: Job, amount: int) -> list[Pair]:
    """Return so many pairs. Chance decides which side is first.

    The first of all is not counted, nor one with a turn in which no operation began, because the
    machine stalled: others are taken in its place. Raises `RuntimeError` if none is left.
    """
    backend = accessors.load(job.case.backend, job.module)
    full: list[Pair] = []
    for _ in range(ATTEMPTS):
        missing = amount - len(full) + 1
        if isinstance(backend, Backend):
            pairs = _take_turns(backend, job, missing)
        else:
            pairs = asyncio.run(_take_turns_async(backend, job, missing))
        full += [pair for pair in pairs[1:] if pair.harness.operations and pair.bare.operations]
        if len(full) == amount:
            break
    if not full:
        raise RuntimeError(nothing_began(job.seconds))
    return full


class _Watch:
    def __init__(self) -> None:
        self._clock_ns, self._cpu_ns = time.perf_counter_ns(), time.process_time_ns()

    def stop(self, operations: int) -> Turn:
        elapsed_ns = time.perf_counter_ns() - self._clock_ns
        return Turn(operations, elapsed_ns, time.process_time_ns() - self._cpu_ns)


def _ids(job: Job) -> list[list[int]]:
    return [[operation.arguments[0] for operation in plan] for plan in job.plans()]


def _orders(amount: int) -> Sequence[tuple[str, str]]:
    sides = ("harness", "bare")
    return [sides if random.random() < 0.5 else (sides[1], sides[0]) for _ in range(amount)]


async def _take_turns_async(backend: AsyncBackend, job: Job, amount: int) -> list[Pair]:
    clients = [AsyncClient(backend, job.case, plan) for plan in job.plans()]
    ask = ASYNC_LOOPS[job.case.backend]
    loop = asyncio.get_running_loop()
    async with backend.open(job.target), AsyncExitStack() as sessions:
        accessors = [await sessions.enter_async_context(backend.accessor()) for _ in clients]
        steps = [
            client.steps(accessor) for client, accessor in zip(clients, accessors, strict=True)
        ]
        ids = [cycle(plan) for plan in _ids(job)]
        barrier = StartBarrier(0, lambda _: 0, lambda: None)

        async def harness() -> Turn:
            watch = _Watch()
            deadline_ns = time.perf_counter_ns() + round(job.seconds * 1e9)
            with Heartbeat(barrier, array("q")):
                asking = zip(clients, steps, strict=True)
                await asyncio.gather(*(client.measure(own, deadline_ns) for client, own in asking))
                turn = watch.stop(sum(len(client.recorder) for client in clients))
            for client in clients:
                client.recorder.clear()
            return turn

        async def bare() -> Turn:
            watch, flag = _Watch(), Flag()
            loop.call_later(job.seconds, flag.lower)
            asking = zip(accessors, ids, strict=True)
            done = await asyncio.gather(*(ask(accessor, own, flag) for accessor, own in asking))
            return watch.stop(sum(done))

        sides = {"harness": harness, "bare": bare}
        return [Pair(**{side: await sides[side]() for side in order}) for order in _orders(amount)]


def _take_turns(backend: Backend, job: Job, amount: int) -> list[Pair]:
    clients = [Client(backend, job.case, plan) for plan in job.plans()]
    ask = SYNC_LOOPS[job.case.backend]
    with (
        backend.open(job.target),
        ThreadPoolExecutor(len(clients)) as threads,
        ExitStack() as sessions,
    ):
        accessors = [sessions.enter_context(backend.accessor()) for _ in clients]
        steps = [
            client.steps(accessor) for client, accessor in zip(clients, accessors, strict=True)
        ]
        ids = [cycle(plan) for plan in _ids(job)]

        def harness() -> Turn:
            watch = _Watch()
            deadline_ns = time.perf_counter_ns() + round(job.seconds * 1e9)
            list(threads.map(lambda client, own: client.measure(own, deadline_ns), clients, steps))
            turn = watch.stop(sum(len(client.recorder) for client in clients))
            for client in clients:
                client.recorder.clear()
            return turn

        def bare() -> Turn:
            watch, flag = _Watch(), Flag()
            done = threads.map(lambda accessor, own: ask(accessor, own, flag), accessors, ids)
            # A `Timer` is a thread: to start it and to wake it took 5 % of a lone client's CPU.
            time.sleep(job.seconds)
            flag.lower()
            return watch.stop(sum(done))

        sides = {"harness": harness, "bare": bare}
        return [Pair(**{side: sides[side]() for side in order}) for order in _orders(amount)]
