"""One process's part of a turn that several processes take together."""

from dataclasses import dataclass

from bench.measure import runner, shared_barrier
from bench.measure.job import Job, clients_key
from bench.results.entries import Run


@dataclass(frozen=True)
class PartOfRun:
    """The run as one process measured it, and what is needed to merge it with the others."""

    run: Run
    late_ns: int
    """Time from the common start to the start of this process."""
    clock_error_ns: int
    opened: int | None
    """Connections that the server accepted when the clients were opened."""
    appeared: frozenset[str]
    """Server processes that appeared during the turn, for whichever process."""
    barrier_process: str
    """The server process of the barrier's session, which is not a client's."""


def open_clients(job: Job) -> None:
    """Open the clients of the job if they are not. Raises what loading and opening raises.

    Processes do this one after another, so that each can tell its own connections.
    """
    runner.opened(job)


def take_part(job: Job) -> PartOfRun:
    """Measure this process's part of the case, from the common start on.

    After an error the clients are closed, and the next turn opens others. Raises as
    `runner.take_turn`.
    """
    assert job.part is not None
    with shared_barrier.joined(job.part) as barrier:
        clients = runner.opened(job)
        try:
            outcome, meter = clients.window(job)
            return PartOfRun(
                run=clients.entry(job, outcome, meter),
                late_ns=barrier.late_ns,
                clock_error_ns=barrier.clock.error_ns,
                opened=clients.opened,
                appeared=frozenset(meter.appeared),
                barrier_process=str(barrier.server_process),
            )
        except BaseException:
            runner.close(clients_key(job.case))
            raise
