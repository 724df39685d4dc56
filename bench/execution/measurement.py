"""The whole of `bench run`, in its one direction: rows, verification, rounds, file."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from bench.dataset import loading as rows
from bench.dataset import lock
from bench.dataset.lock import Lock, LockLostError, ServerGoneError
from bench.execution.jobs import Jobs
from bench.execution.new_header import new_header
from bench.execution.progress_listener import ProgressListener
from bench.measure import memory, runner
from bench.measure.runner import Job
from bench.measure.worker_pool import Pending, WorkerPool
from bench.measure.worker_process import GivenUpError, WorkError
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.run_config import RunConfig
from bench.model.study import probes
from bench.model.workload import WORKLOADS
from bench.results.entries import Entry, Failure, Run
from bench.results.file import Recorder
from bench.server.database import Database, postmaster_pid, redact
from bench.system.limits import check_open_files
from bench.verification.verify import VerificationResult, verify

SPARE_CONNECTIONS = 3
"""Beside the crowd's, and the one that is open by then: room for a look while it is measured."""


def measure(
    config: RunConfig, database: Database, recorder: Recorder, listener: ProgressListener
) -> None:
    """Carry out the run; append every outcome as it ends.

    Raises `BenchError` when it can't go on, or when it could and something failed;
    `KeyboardInterrupt` when it is told to stop. What was measured is in the file in any case, and
    the file says how it ended.
    """
    with (
        ended(recorder),
        lock.held(database, config.timeout_s) as held,
        WorkerPool(config.guard) as crew,
    ):
        work = Work(config, database, recorder, listener, held, crew)
        work.prepare()
        work.measure()


@contextmanager
def ended(recorder: Recorder) -> Iterator[None]:
    """Append the outcome of the block as the file's last line."""
    try:
        yield
    except KeyboardInterrupt:
        with suppress(BenchError):  # the disk may be full: the first error is the one to tell
            recorder.end("interrupted")
        raise
    except BenchError as error:
        with suppress(BenchError):
            recorder.end("failed", reason=str(error).partition("\n")[0])
        raise
    recorder.end("complete")


@dataclass
class Work:
    """One run: what is done once, then the rounds. A study derives its own from it."""

    config: RunConfig
    database: Database
    recorder: Recorder
    listener: ProgressListener
    held: Lock
    crew: WorkerPool
    troubles: list[str] = field(default_factory=list)
    """What failed, in words."""
    hopeless: set[Case] = field(default_factory=set)
    """What did not end, and is not waited for again."""

    @property
    def worker_pool(self) -> WorkerPool:
        """The processes of the run."""
        return self.crew

    def prepare(self) -> None:
        """All that has to be right before anything is measured; then the header."""
        config = self.config
        at_once = [case.concurrency for case in config.plan.cases]
        if config.verify:  # all of them read at the same time
            at_once.append(len(config.backends))
        check_open_files(max(at_once))
        self.database.check_capacity(max(at_once) + SPARE_CONNECTIONS)
        server_pid = postmaster_pid(self.held.connection)
        self.listener.stage("rows")
        fingerprint = self.held.run(partial(rows.ensure, dataset=config.dataset))
        verdicts = self._verify() if config.verify else None
        local = server_pid is not None
        self.jobs = Jobs(config, self.held, self.database, server_pid)
        now = self.held.connection
        self.recorder.header(
            new_header(config, now, self.database, fingerprint, verdicts, local=local)
        )

    def measure(self) -> None:
        """What is done once, then the rounds. Raises `BenchError` at the end if anything failed."""
        plan = self.config.plan
        # Memory is no matter of who else runs; time is, and what is in no round has it from here.
        in_rounds = [case for case in plan.memory_cases if case in plan.cases]
        alone = [case for case in plan.memory_cases if case not in plan.cases]
        self._measure_alone("memory", in_rounds, memory.peak_untimed, at_once=2)
        self._measure_alone("memory", alone, memory.peak)
        for name, cases in plan.probes.items():
            probe = probes()[name]
            if probe.alone:
                self._measure_alone(name, cases, probe.function)
            else:
                self._measure_in_turn(name, cases, probe.function)
        self._measure_rounds()
        if self.troubles:
            first, amount = self.troubles[0], len(self.troubles)
            raise BenchError(
                f"{amount} run{'s' if amount > 1 else ''} failed, the first: {first}.\n"
                f"What was measured, and every failure, is kept in {self.recorder.folder}."
            )

    def _verify(self) -> list[VerificationResult]:
        asked = [found for found in self.config.backends.values() if found.backend]
        self.listener.stage("verification", len(asked))
        verdicts = verify(
            self.crew,
            self.held,
            self.database,
            self.config.dataset,
            self.config.backends,
            self.config.plan.fetches,
            on_compared=self.listener.compared,
            timeout_s=self.config.timeout_s,
        )
        different = [verdict for verdict in verdicts if verdict.difference]
        if different:
            raise BenchError(
                "\n".join(
                    f"{verdict.backend} differs: {verdict.difference}" for verdict in different
                )
                + "\nNothing was timed. Leave it out with --backend, or mend it."
            )
        return verdicts

    def _measure_alone(
        self, what: str, cases: Sequence[Case], work: Callable[[Job], Entry], at_once: int = 1
    ) -> None:
        """Each case once, in a process that does nothing else."""
        if cases:
            self.listener.stage(what, len(cases))
        for first in range(0, len(cases), at_once):
            pending = {}
            for case in cases[first : first + at_once]:
                self.listener.begin(case)
                pending[case] = self.crew.submit_alone(case.key, work, self.jobs.of(case))
            for case, answer in pending.items():
                self._keep(case, 0, answer, self.config.timeout_s)
                self.crew.dismiss(case.key)

    def _measure_in_turn(
        self, what: str, cases: Sequence[Case], work: Callable[[Job], Entry]
    ) -> None:
        """Each case once, in the process of its backend."""
        self.listener.stage(what, len(cases))
        for case in cases:
            self.listener.begin(case)
            pending = self.crew.submit(case.process, work, self.jobs.of(case))
            self._keep(case, 0, pending, self.config.timeout_s)
            if WORKLOADS[case.workload].writes:
                self.held.run(partial(rows.restore, dataset=self.config.dataset))

    def _measure_rounds(self) -> None:
        plan = self.config.plan
        profile = plan.profile
        self.listener.stage("measurement", plan.runs)
        timeout_s = profile.warm_up_s + profile.seconds + self.config.timeout_s
        for round_number in range(profile.rounds):
            # Interleaved and shuffled, so that drift hits all alike; the seed makes the order
            # the same again.
            cases = plan.of_round(round_number)
            random.Random(f"{self.config.dataset.seed}/{round_number}").shuffle(cases)
            for case in cases:
                if case in self.hopeless:
                    self._add(Failure(case, round_number, "not tried again: it had not ended"))
                    continue
                self.listener.begin(case)
                process = case.process
                pending = self.crew.submit(process, runner.run, self.jobs.of(case, round_number))
                self._keep(case, round_number, pending, timeout_s)
                if case.large:
                    self.crew.dismiss(process)
                if WORKLOADS[case.workload].writes:
                    self.held.run(partial(rows.restore, dataset=self.config.dataset))

    def _keep(
        self, case: Case, round_number: int, pending: Pending[Entry], timeout_s: float
    ) -> None:
        """Wait for the outcome and append it; a failure is an outcome.

        Raises `BenchError` if the server is gone, or another command may have used the rows since
        the last outcome: then no figure is kept of this case, and it is not to blame.
        """
        outcome: Entry
        try:
            outcome = self.crew.result(pending, timeout_s)
        except WorkError as error:
            if isinstance(error, GivenUpError):
                self.hopeless.add(case)
            outcome = Failure(case, round_number, redact(str(error), self.database.url))
        try:
            self.held.check()
        except LockLostError as error:
            self._add(Failure(case, round_number, str(error).partition("\n")[0]))
            raise
        except ServerGoneError as error:
            reason = f"the server went away while {case.title} was measured"
            self._add(Failure(case, round_number, reason))
            raise BenchError(
                f"{reason}.\nWhat was measured before is kept in {self.recorder.folder}."
            ) from error
        self._add(outcome)

    def _add(self, outcome: Entry) -> None:
        """Append it, and note what failed."""
        self.recorder.add(outcome)
        self.listener.step(outcome.case, outcome)
        if trouble := _trouble(outcome):
            self.troubles.append(f"{outcome.case.title}: {trouble}")


def _trouble(outcome: Entry) -> str | None:
    if isinstance(outcome, Failure):
        return outcome.error
    if isinstance(outcome, Run) and (errors := outcome.samples.errors):
        first = next(iter(errors.values()))
        return f"{len(errors)} of {len(outcome.samples)} operations failed, the first with {first}"
    return None
