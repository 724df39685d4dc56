"""One run in its order: dataset, verification, header, probes, rounds."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from accessors import DiscoveredBackend
from bench.cluster.cluster_pool import ClusterPool
from bench.dataset import loading as rows
from bench.dataset import lock
from bench.dataset.fingerprint import Fingerprint
from bench.dataset.lock import Lock
from bench.execution.behind_pooler import fitted, without_pgbouncer
from bench.execution.capacity import (
    SPARE_CONNECTIONS,
    barrier_connections,
    kept_of_pooler,
    most_connections,
    most_open,
)
from bench.execution.client_machines import client_machines, machines_of
from bench.execution.jobs import Jobs
from bench.execution.links import Links
from bench.execution.new_header import Verified, new_header
from bench.execution.on_cluster import without_ways_of_this_machine
from bench.execution.outcomes import Outcomes
from bench.execution.pinning import pinned, placement
from bench.execution.progress_listener import ProgressListener
from bench.execution.remembered_probes import RememberedProbes
from bench.execution.stage_times import StageTimes
from bench.execution.turns import MakeTurns, StoppingRule, Turns
from bench.execution.two_at_a_time import AT_ONCE, TwoAtATime
from bench.measure import memory
from bench.measure.job import Job
from bench.measure.worker_pool import Pending, WorkerPool
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.run_config import RunConfig
from bench.model.study import Probe, probes
from bench.model.workload import WORKLOADS
from bench.results.entries import Entry
from bench.results.file import Recorder
from bench.results.header import Header
from bench.server.database import Database, postmaster_pid
from bench.server.pooler import Pooler, check_clients, detect
from bench.server.proxy.address import through
from bench.system.limits import check_open_files
from bench.system.processors import Halves
from bench.verification.remembered import RememberedResults
from bench.verification.verify import VerificationResult, verify
from bench.verification.ways import ways_of

log = logging.getLogger(__name__)


def measure(
    config: RunConfig,
    database: Database,
    recorder: Recorder,
    listener: ProgressListener,
    stopping: StoppingRule | None = None,
) -> None:
    """Carry out the run; append every outcome as it ends.

    `stopping`: the rule for a run with a budget.

    Raises `BenchError` if the run cannot go on, or if it went on and something failed;
    `KeyboardInterrupt` if it is told to stop. In any case the file has what was measured, and how
    the run ended.
    """
    times = StageTimes(listener)
    with ended(recorder, times):
        pooler = detect(database)
        config = replace(config, plan=fitted(config.plan, config.backends, database, pooler))
        if config.scheduler:
            config = replace(
                config, plan=without_ways_of_this_machine(config.plan, config.backends)
            )
        with (
            lock.held(database, config.timeout_s) as held,
            Links(database.url) as links,
            WorkerPool(config.guard) as workers,
            client_machines(config, database) as cluster,
        ):
            if reason := links.start_pgbouncers(config.plan.everything):
                config = replace(
                    config, plan=without_pgbouncer(config.plan, config.backends, reason)
                )
            outcomes = Outcomes(database, recorder, times, held, workers)
            Measurement(config, times, outcomes, links, stopping, pooler, cluster).carry_out(times)


@contextmanager
def ended(recorder: Recorder, times: StageTimes) -> Iterator[None]:
    """Append the outcome of the block as the file's last line."""
    try:
        yield
    except KeyboardInterrupt:
        with suppress(BenchError):  # the disk may be full: the first error is the one to show
            recorder.end("interrupted", seconds=times.seconds)
        raise
    except BenchError as error:
        with suppress(BenchError):
            reason = str(error).partition("\n")[0]
            recorder.end("failed", reason=reason, seconds=times.seconds)
        raise
    recorder.end("complete", seconds=times.seconds)


@dataclass
class Measurement:
    """One run: what is done once, then the turns. A study derives its own from it."""

    config: RunConfig
    listener: ProgressListener
    outcomes: Outcomes
    links: Links
    stopping: StoppingRule | None
    pooler: Pooler | None = None
    cluster: ClusterPool | None = None
    """The worker processes of the turns, if they are on a cluster."""
    turns: MakeTurns = Turns
    """Makes the turns; a study may have turns of its own."""
    jobs: Jobs = field(init=False)
    server_pid: int | None = field(init=False)
    """The server's first process, if it runs on this machine."""
    placement: Halves | None = field(init=False)
    fingerprint: Fingerprint | None = field(init=False, default=None)
    """The rows; None if they are not ours."""

    @property
    def _shared(self) -> bool:
        return self.pooler is not None and self.pooler.shares

    @property
    def _plain(self) -> bool:
        """Whether the backends have their defaults and reach the server itself. Only then is
        something remembered."""
        return not self.config.connect and self.pooler is None

    @property
    def lock(self) -> Lock:
        return self.outcomes.lock

    @property
    def database(self) -> Database:
        return self.outcomes.database

    @property
    def workers(self) -> WorkerPool:
        return self.outcomes.workers

    def carry_out(self, times: StageTimes) -> None:
        """Prepare and measure. Raises as `measure` of this module."""
        self.prepare()
        try:
            self.measure()
        finally:
            times.end(self.outcomes.window_s)

    def prepare(self) -> None:
        """Check and verify everything that has to be right before a measurement; write the header.

        Raises `BenchError` if something is not.
        """
        config = self.config
        self.find_server()
        self.listener.stage("rows")
        fingerprint = self.lock.run(partial(rows.ensure, dataset=config.dataset))
        self.fingerprint = fingerprint
        verified = self._verify(fingerprint) if config.verify else None
        folder = str(self.outcomes.recorder.folder.resolve())
        self.jobs = Jobs(
            config,
            self.lock,
            self.database,
            self.server_pid,
            self.links,
            folder,
            behind_pooler=self.pooler is not None,
        )
        self.jobs.check_transports(config.plan.cases)
        self.outcomes.recorder.header(self.header(fingerprint, verified))

    def find_server(self) -> None:
        """Find the server's process, and check that connections, files and processors suffice."""
        at_once = most_connections(self.config)
        check_open_files(at_once)
        if self.pooler is not None:
            keeping = kept_of_pooler(self.config, self.pooler)
            check_clients(self.database, self.pooler, at_once, keeping)
        if self._shared:  # clients have no connection of the server to themselves
            at_once = barrier_connections(self.config.plan.everything)
        self.database.check_capacity(at_once + SPARE_CONNECTIONS)
        self.server_pid = postmaster_pid(self.lock.connection)
        self.placement = placement(self.config, self.server_pid)

    def header(self, fingerprint: Fingerprint | None, verified: Verified | None) -> Header:
        """Return the header of the config as it is now."""
        return new_header(
            self.config,
            self.lock.connection,
            self.database,
            fingerprint,
            verified,
            self.pooler,
            local=self.server_pid is not None,
            placement=self.placement,
            cluster=machines_of(self.cluster),
        )

    def measure(self) -> None:
        """Measure the probes, then the rounds. Raises `BenchError` at the end if a case failed."""
        plan = self.config.plan
        # Memory does not depend on what else runs; time does. A case that is in no round is timed
        # here, so it runs alone.
        in_rounds = [case for case in plan.memory_cases if case in plan.cases]
        alone = [case for case in plan.memory_cases if case not in plan.cases]
        self._measure_alone("memory", in_rounds, memory.peak_untimed, at_once=2)
        self._measure_alone("memory", alone, memory.peak)
        for name, cases in plan.probes.items():
            if probes()[name].alone:
                self._measure_alone(name, self._possible(name, cases), probes()[name].function)
        self._measure_turns()
        for counts in self.links.entries(plan.cases):
            self.outcomes.recorder.add(counts)
        for name, cases in plan.probes.items():
            if not probes()[name].alone:
                self._measure_in_turn(probes()[name], self._possible(name, cases))
        self.outcomes.raise_problems()

    def _possible(self, probe: str, cases: Sequence[Case]) -> Sequence[Case]:
        """Return the cases whose drivers can take the probe; log which cannot, and why."""
        if not probes()[probe].by_proxy:
            return cases
        possible = []
        reasons: dict[str, None] = {}
        for case in cases:
            found = self.config.backends[case.backend].backend
            driver = found.driver if found else ""
            try:
                through(self.database.url_for(driver), 1, driver=driver)
                possible.append(case)
            except BenchError as error:
                reasons[f"{driver}: {str(error).partition(chr(10))[0]}"] = None
        for reason in reasons:
            log.warning("no %s are counted over %s", probe, reason)
        return possible

    def _measure_turns(self) -> None:
        plan = self.config.plan
        self.listener.stage("measurement", plan.runs)
        # Processes that verified have another heap than those of later generations.
        for name in self.config.backends:
            self.workers.dismiss(name)
        capacity = most_open(self.config, self.database, self.server_pid, self.pooler)
        turns = self.turns(
            self.config,
            self.jobs,
            self.outcomes,
            self.cluster or self.workers,
            capacity,
            restore=self.restore,
            stopping=self.stopping,
        )
        with pinned(self.workers, self.server_pid, self.placement):
            turns.measure()

    def restore(self, case: Case) -> None:
        """Bring the rows back after a turn of a case that writes."""
        self.lock.run(partial(rows.restore, dataset=self.config.dataset))

    def _verify(self, fingerprint: Fingerprint) -> Verified:
        """Verify the backends that have a case, except those whose result is remembered."""
        config = self.config
        cases = chain(config.plan.everything, *config.plan.probes.values())
        asked = {case.backend for case in cases}
        chosen = {name: found for name, found in config.backends.items() if name in asked}
        memory = RememberedResults(self.lock.connection, fingerprint, chosen, config.plan.fetches)
        known = memory.checks() if config.remember and self._plain else {}
        backends = {name: found for name, found in chosen.items() if name not in known}
        results = self._compare(backends) if _asking(backends) else []
        checks = {result.backend: result.checks for result in results}
        if self._plain:
            memory.remember(checks)
        return Verified(known | checks, list(known))

    def _compare(self, backends: Mapping[str, DiscoveredBackend]) -> list[VerificationResult]:
        self.listener.stage("verification", len(_asking(backends)))
        results = verify(
            self.workers,
            self.lock,
            self.database,
            self.config.dataset,
            backends,
            self.config.plan.fetches,
            on_compared=self.listener.compared,
            timeout_s=self.config.timeout_s,
            ways=ways_of(self.config.plan.everything, own_fetches=self._shared),
            transactions=self.pooler is None or self.pooler.mode != "statement",
        )
        different = [result for result in results if result.difference]
        if different:
            raise BenchError(
                "\n".join(f"{result.backend} differs: {result.difference}" for result in different)
                + "\nNothing was timed. Leave it out with --backend, or mend it."
            )
        return results

    def _measure_alone(
        self, what: str, cases: Sequence[Case], work: Callable[[Job], Entry], at_once: int = 1
    ) -> None:
        """Measure each case once, in a process that does nothing else."""
        if cases:
            self.listener.stage(what, len(cases))
        for first in range(0, len(cases), at_once):
            pending = {}
            for case in cases[first : first + at_once]:
                self.listener.begin(case)
                pending[case] = self.workers.submit_alone(case.key, work, self.jobs.of(case))
            for case, answer in pending.items():
                outcome = self.outcomes.wait(case, 0, answer, self.config.timeout_s)
                self.outcomes.keep(outcome)
                self.workers.dismiss(case.key)

    def _measure_in_turn(self, probe: Probe, cases: Sequence[Case]) -> None:
        """Measure each case once, in the process of its backend, or take what is remembered."""
        chosen = [case for case in cases if case.backend not in self.outcomes.failed]
        memory = self._memory_of(probe)
        if memory and self.config.remember:
            known = {entry.case: entry for entry in memory.entries(chosen)}
            for entry in known.values():
                self.outcomes.add(entry)
            chosen = [case for case in chosen if case not in known]
        if not chosen:
            return
        self.listener.stage(probe.name, len(chosen))
        self.workers.start(dict.fromkeys(case.process for case in chosen))

        def submit(case: Case) -> Pending[Entry]:
            return self.workers.submit(case.process, probe.function, self.jobs.of(case))

        def after(case: Case) -> None:
            if WORKLOADS[case.workload].writes:
                self.restore(case)

        # A pooler between would let clients of two cases wait for each other.
        at_once = AT_ONCE if self.pooler is None else 1
        probing = TwoAtATime(self.outcomes, submit, after, self.config.timeout_s, at_once)
        measured = probing.measure(chosen)
        if memory:
            memory.keep(measured)

    def _memory_of(self, probe: Probe) -> RememberedProbes | None:
        """Return the remembered results of the probe; None if they may be others in every run."""
        if not (probe.lasting and self.fingerprint and self._plain):
            return None
        return RememberedProbes(
            probe, self.lock.connection, self.fingerprint, self.config.backends, self.database.url
        )


def _asking(backends: Mapping[str, DiscoveredBackend]) -> list[str]:
    """Return the backends that ask a server. The null backends are never verified."""
    return [
        name
        for name, found in backends.items()
        if found.backend is not None and not found.backend.in_memory
    ]
