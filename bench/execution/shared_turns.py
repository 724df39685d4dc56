"""A turn of a case that several worker processes take together."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bench.cluster.cluster_pool import ClusterPool
from bench.execution.merged_run import LEAST_OVERLAP, late_ns, merged_run, overlap
from bench.measure.job import Job, Part
from bench.measure.shared_barrier import StartGate
from bench.measure.shared_turn import PartOfRun, open_clients, take_part
from bench.measure.turn import ATTEMPTS, LONGER, nothing_began
from bench.measure.worker_pool import Pending, WorkerPool
from bench.measure.worker_process import DiedError, GivenUpError, WorkError
from bench.model.case import Case
from bench.results.entries import Entry, Failure
from bench.server.database import Database

_LOOK_S = 0.002
"""Seconds between two looks at the gate. The processes warm up meanwhile."""


@dataclass
class SharedTurns:
    """Lets the worker processes of a case start together, and merges what they measured."""

    workers: WorkerPool | ClusterPool
    database: Database
    given_up: set[Case] = field(default_factory=set)
    """Cases that did not end in time are added to it."""
    one_machine: bool = True
    """Whether all worker processes are on one machine."""
    _gate: StartGate = field(init=False)

    def __post_init__(self) -> None:
        self._gate = StartGate(self.database)

    def close(self) -> None:
        """Close the connection that holds the gate."""
        self._gate.__exit__()

    def take(self, job: Job, timeout_s: float, window_s: float | None = None) -> Entry:
        """Take the turn. A failure of any process is the outcome of the whole turn.

        `window_s`: the length of the window, if it is not the job's.
        """
        late = []
        asked_s = window_s or job.seconds
        for _ in range(ATTEMPTS):
            parts, problems = self._attempt(job, timeout_s, window_s)
            if problems:
                return self._failure(job, problems)
            if job.case.rate is None and not any(len(part.run.samples) for part in parts):
                # No process got the machine before the deadline.
                window_s = LONGER * (window_s or job.seconds)
                continue
            # On one machine a process starts late because it gets no CPU, as a late thread does.
            if self.one_machine or overlap(parts) >= LEAST_OVERLAP:
                return merged_run(parts, one_machine=self.one_machine)
            late.append((late_ns(parts), max(part.clock_error_ns for part in parts)))
        if not late:
            return Failure(job.case, job.round, nothing_began(asked_s))
        worst, error = min(late)
        milliseconds = (window_s or job.seconds) * 1e3
        return Failure(
            job.case,
            job.round,
            f"a process began {worst / 1e6:.1f} ms late (clocks agree within {error / 1e6:.1f} ms),"
            f" {ATTEMPTS} times in a row: windows of {milliseconds:g} ms overlap by less than"
            f" {LEAST_OVERLAP:.0%}, so choose longer ones with --seconds",
        )

    def _attempt(
        self, job: Job, timeout_s: float, window_s: float | None
    ) -> tuple[list[PartOfRun], dict[int, WorkError]]:
        """Return the parts, or the error of each process that failed, by its number."""
        names = job.case.process_names
        deadline = time.monotonic() + timeout_s
        for number, name in enumerate(names):
            own = replace(job, part=Part(number))
            _, problems = self._answers([self.workers.submit(name, open_clients, own)], deadline)
            if problems:
                return [], {number: problems[0]}
        barrier = self._gate.shut()
        gate = self._gate
        at_gate = Part(0, barrier, gate.server_process, gate.url, timeout_s, window_s)
        try:
            pending = [
                self.workers.submit(
                    name,
                    take_part,
                    replace(job, part=replace(at_gate, process=number)),
                )
                for number, name in enumerate(names)
            ]
            self._wait_until_ready(pending, deadline)
        finally:
            self._gate.open()
        return self._answers(pending, deadline)

    def _wait_until_ready(self, pending: Sequence[Pending[PartOfRun]], deadline: float) -> None:
        """Return when all processes wait at the gate, or when one has ended or takes too long."""
        while time.monotonic() < deadline:
            if any(self.workers.answered(each) for each in pending):
                return
            if self._gate.waiting() >= len(pending):
                return
            time.sleep(_LOOK_S)

    def _answers(
        self, pending: Sequence[Pending[PartOfRun]] | Sequence[Pending[None]], deadline: float
    ) -> tuple[list[PartOfRun], dict[int, WorkError]]:
        parts: list[PartOfRun] = []
        problems: dict[int, WorkError] = {}
        for number, answer in enumerate(pending):
            try:
                part = self.workers.result(answer, max(0.1, deadline - time.monotonic()))
            except WorkError as error:
                problems[number] = error
            else:
                if part is not None:
                    parts.append(part)
        return parts, problems

    def _failure(self, job: Job, problems: dict[int, WorkError]) -> Failure:
        if any(isinstance(error, GivenUpError) for error in problems.values()):
            self.given_up.add(job.case)

        def severity(number: int) -> tuple[bool, int]:
            return not isinstance(problems[number], DiedError), number

        first = min(problems, key=severity)
        reason = self.database.safe(str(problems[first]))
        where = f"process {first + 1} of {job.case.processes}"
        return Failure(job.case, job.round, f"{where}: {reason}")
