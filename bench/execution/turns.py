"""The turns of a run: cases alternate, with clients that stay open between two turns."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from math import inf
from typing import Protocol

from bench.cluster.cluster_pool import ClusterPool
from bench.execution.capacity import connections_of
from bench.execution.jobs import Jobs
from bench.execution.outcomes import Outcomes
from bench.execution.schedule import (
    Clients,
    OpenClients,
    clients_of,
    generations,
    groups,
    parts_of,
    shuffled,
)
from bench.execution.shared_turns import SharedTurns
from bench.measure import runner
from bench.measure.job import Job
from bench.measure.turn import case_window_s
from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.case import Case
from bench.model.profiles import LEAST_ROUNDS
from bench.model.run_config import LEAST_GENERATIONS, RunConfig
from bench.model.window import longest_s
from bench.model.workload import WORKLOADS
from bench.results.entries import Entry, Failure, Run

MOST_GENERATIONS = 6
"""The most times that a run with a budget starts its worker processes."""
LEAST_GENERATION_S = 15.0
"""The least seconds between two starts. Starting takes a second or two."""
TWINS_EVERY = 4
"""The rounds from one turn of a twin to its next, in a run with a budget. No decision rests on a
twin, only the noise floor of the tables."""
_START_S = 30.0
"""Seconds that a worker process may take to start, beside the timeout: many start at once."""
_CLOSE_S = 10.0
"""Seconds that a worker process may take to close its clients, before it is ended."""


def due(wanted: Sequence[Case], round_number: int) -> Sequence[Case]:
    """Return the cases of a round: twins only in every few, unless they alone are wanted."""
    others = [case for case in wanted if not case.twin]
    return wanted if round_number % TWINS_EVERY == 0 or not others else others


def enough_left_s(enough_s: float | None, spent_s: Sequence[float]) -> list[float]:
    """Return the seconds of windows that are left for each group of cases, of the profile's
    `enough_s`. `spent_s`: those that each has had. The groups keep their shares.
    """
    if enough_s is None or not sum(spent_s):
        return [inf] * len(spent_s)
    return [(enough_s / sum(spent_s) - 1) * seconds for seconds in spent_s]


class StoppingRule(Protocol):
    """Hears of every outcome, and says which cases need more turns."""

    def note(self, entry: Entry) -> None:
        """Take an outcome into account."""

    def wanted(self) -> set[Case]:
        """Return the cases that need more turns."""

    def waits_for_processes(self) -> bool:
        """Return whether more turns of the same worker processes decide nothing more."""


@dataclass
class Turns:
    """Gives each case its turns."""

    config: RunConfig
    jobs: Jobs
    outcomes: Outcomes
    workers: WorkerPool | ClusterPool
    capacity: int
    """Connections that the clients of all worker processes may hold together."""
    restore: Callable[[Case], None] = field(kw_only=True)
    """Brings the rows back after a turn of a case that writes."""
    stopping: StoppingRule | None = None
    """The rule that ends the turns of a case, in a run with a budget."""

    def __post_init__(self) -> None:
        self._open = OpenClients(self.capacity)
        one_machine = isinstance(self.workers, WorkerPool) or self.workers.one_machine
        outcomes = self.outcomes
        self._shared = SharedTurns(self.workers, outcomes.database, outcomes.given_up, one_machine)
        self._processes: set[str] = set()
        self._retried: set[Clients] = set()
        self._latency_s: dict[Case, float] = {}

    def measure(self) -> None:
        """Measure every round of the plan, or until the budget is used. Raises `BenchError`."""
        with closing(self._shared):
            if self.config.budget_s is None or self.stopping is None:
                self._measure_rounds()
            else:
                self._measure_within(self.config.budget_s, self.stopping)

    def _measure_rounds(self) -> None:
        plan = self.config.plan
        parts = generations(plan.profile.rounds, plan.profile.generations)
        members = [set(group) for group in groups(plan.cases, self._connections, self.capacity)]
        spent_s = [0.0] * len(members)
        for number, of_generation in enumerate(parts):
            left_s = enough_left_s(plan.profile.enough_s, spent_s)
            for place, group in enumerate(members):
                began_s = self.outcomes.window_s
                for round_number in of_generation:
                    chosen = [case for case in plan.of_round(round_number) if case in group]
                    self._round(chosen, round_number, number, began_s + left_s[place])
                spent_s[place] += self.outcomes.window_s - began_s
            self._end_generation(last=number == len(parts) - 1)

    def _measure_within(self, budget_s: float, stopping: StoppingRule) -> None:
        parts = groups(self.config.plan.cases, self._connections, self.capacity)
        rounds = [0] * len(parts)
        began = time.monotonic()
        amount = max(LEAST_GENERATIONS, min(MOST_GENERATIONS, int(budget_s / LEAST_GENERATION_S)))
        for generation in range(amount):
            ends = began + budget_s * (generation + 1) / amount
            for number, group in enumerate(parts):
                # Each group has a share of the time that is left, by the windows of its cases.
                wanted = stopping.wanted()
                left = [
                    sum(
                        self._window_s(case, self.config.plan.profile.seconds)
                        for case in wanted.intersection(part)
                    )
                    for part in parts[number:]
                ]
                now = time.monotonic()
                group_ends = now + (ends - now) * left[0] / (sum(left) or 1)
                while (wanted := stopping.wanted().intersection(group)) and (
                    time.monotonic() < group_ends
                    and (generation == amount - 1 or not stopping.waits_for_processes())
                ):
                    chosen = due([case for case in group if case in wanted], rounds[number])
                    self._round(chosen, rounds[number], generation)
                    rounds[number] += 1
            self._end_generation(last=generation == amount - 1)

    def _round(
        self, cases: Sequence[Case], round_number: int, generation: int, enough_s: float = inf
    ) -> None:
        """Take a round. After `LEAST_ROUNDS`, no comparison begins once the windows of the whole
        run have `enough_s`."""
        self._start_processes(cases)
        for compared in shuffled(cases, self.config.dataset.seed, round_number):
            if round_number >= LEAST_ROUNDS and self.outcomes.window_s >= enough_s:
                return
            for case in compared:
                if case in self.outcomes.given_up:
                    reason = "not tried again: it had not ended"
                    self.outcomes.add(Failure(case, round_number, reason))
                else:
                    self._turn(case, round_number, generation)

    def _turn(self, case: Case, round_number: int, generation: int) -> None:
        self.outcomes.listener.begin(case)
        clients = clients_of(case)
        parts = parts_of(case)
        for part, amount in parts.items():
            self._close(self._open.use(part, amount if self._connections(case) else 0))
        job = self.jobs.of(case, round_number, generation)
        job = replace(job, latency_s=self._latency_s.get(case))
        timeout_s = job.lasts_s + longest_s(job.seconds) + self.config.timeout_s

        def take() -> Entry:
            if case.processes > 1:
                return self._take_together(job, timeout_s)
            pending = self.workers.submit(case.process, runner.take_turn, job)
            return self.outcomes.wait(case, round_number, pending, timeout_s, self.workers)

        outcome = take()
        alive = all(map(self.workers.running, case.process_names))
        if isinstance(outcome, Failure) and alive and clients not in self._retried:
            # The server, a pooler or the user's role may allow fewer connections than it says.
            self._retried.add(clients)
            if others := self._open.others(*parts):
                self._close(others)
                outcome = take()
        if isinstance(outcome, Run):
            self._note_latency(outcome)
        connected = self.outcomes.keep(outcome, round_number)
        if self.stopping:
            self.stopping.note(outcome)
        for name in case.process_names:
            if not self.workers.running(name):
                self._open.forget(name)
        if not connected:
            self._end_processes(close_first=False)
        elif case.large:
            self._end_processes(case.process_names)
        if WORKLOADS[case.workload].renewed:
            self._close([part for part in parts if self._open.drop(part)])
        if WORKLOADS[case.workload].writes:
            self.restore(case)

    def _take_together(self, job: Job, timeout_s: float) -> Entry:
        """Let the processes of a case take its turn.

        Their window has one length, so the command chooses it: after a first turn, which is a
        warm-up if its operations turn out to be long.
        """
        case = job.case
        if case.rate is not None:
            return self._shared.take(job, timeout_s)
        if case not in self._latency_s:
            outcome = self._shared.take(job, timeout_s)
            if not isinstance(outcome, Run) or not self._note_latency(outcome):
                return outcome
            if self._window_s(case, job.seconds) <= job.seconds:
                return outcome
        return self._shared.take(job, timeout_s, self._window_s(case, job.seconds))

    def _note_latency(self, run: Run) -> bool:
        """Note how long an operation takes; return False if none was begun."""
        if operations := len(run.samples):
            # Little's law (*Operations Research* 9(3), 1961): the mean time while all are active.
            self._latency_s[run.case] = run.case.concurrency * run.elapsed_ns / 1e9 / operations
        return operations > 0

    def _window_s(self, case: Case, seconds: float) -> float:
        """Return the length of the case's next window, as far as it is known."""
        return case_window_s(case, seconds, self._latency_s.get(case))

    def _connections(self, case: Case) -> int:
        return connections_of(self.config, case)

    def _start_processes(self, cases: Sequence[Case]) -> None:
        """Start the processes that stay, all at the same time, and wait until they are ready."""
        starting = {
            name: self.config.backends[case.backend].module
            for case in cases
            if not case.large
            for name in case.process_names
            if name not in self._processes
        }
        self.workers.start(starting)
        loading = [
            self.workers.submit(name, runner.load, module) for name, module in starting.items()
        ]
        for pending in loading:
            with suppress(WorkError):  # the first turn will say so
                self.workers.result(pending, self.config.timeout_s + _START_S)
        self._processes |= starting.keys()

    def _end_generation(self, *, last: bool) -> None:
        """Close all clients, and end their processes. The last ones stay, for the probes."""
        if last:
            self._close_clients(self._processes)
        else:
            self._end_processes()

    def _end_processes(
        self, names: Sequence[str] | None = None, *, close_first: bool = True
    ) -> None:
        """End these processes, by default all; first close their clients."""
        chosen = list(self._processes) if names is None else names
        if close_first:
            self._close_clients(chosen)
        for name in chosen:
            self.workers.dismiss(name)
            self._open.forget(name)
            self._processes.discard(name)

    def _close_clients(self, names: Iterable[str]) -> None:
        """Close the clients of these processes. All are asked before the first is awaited."""
        running = [name for name in names if self.workers.running(name)]
        closing = [self.workers.submit(name, runner.close_all) for name in running]
        for pending in closing:
            with suppress(WorkError):
                self.workers.result(pending, _CLOSE_S)

    def _close(self, chosen: Sequence[Clients]) -> None:
        for process, key in chosen:
            if self.workers.running(process):
                pending = self.workers.submit(process, runner.close, key)
                with suppress(WorkError):
                    self.workers.result(pending, _CLOSE_S)


MakeTurns = Callable[..., Turns]
"""Makes the turns of a run from the arguments of `Turns`."""
