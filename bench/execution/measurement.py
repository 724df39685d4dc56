"""The whole of `bench run`, in its one direction: rows, verification, rounds, file."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from bench.dataset import loading as rows
from bench.dataset import schema
from bench.execution.jobs import Jobs
from bench.execution.new_header import new_header
from bench.execution.progress_listener import ProgressListener
from bench.measure import memory, runner
from bench.measure.runner import Job
from bench.measure.worker_pool import Crew, Pending
from bench.measure.worker_process import GivenUpError, WorkError
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.run_config import RunConfig
from bench.model.study import probes
from bench.model.workload import WORKLOADS
from bench.results.entries import Entry, Failure, Run
from bench.results.file import Recorder
from bench.server.database import Database, postmaster_pid, redact
from bench.verification.verify import Verdict, verify

if TYPE_CHECKING:
    import psycopg

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
    try:
        with database.session() as connection, schema.held(connection), Crew(config.guard) as crew:
            work = _Work(config, database, recorder, listener, connection, crew)
            work.prepare()
            work.measure()
    except KeyboardInterrupt:
        recorder.end("interrupted")
        raise
    except BenchError as error:
        recorder.end("failed", reason=str(error).partition("\n")[0])
        raise
    recorder.end("complete")


@dataclass
class _Work:
    config: RunConfig
    database: Database
    recorder: Recorder
    listener: ProgressListener
    connection: "psycopg.Connection[Any]"
    crew: Crew
    troubles: list[str] = field(default_factory=list)
    """What failed, in words."""
    hopeless: set[Case] = field(default_factory=set)
    """What did not end, and is not waited for again."""

    def prepare(self) -> None:
        """All that has to be right before anything is measured; then the header."""
        config = self.config
        at_once = [case.concurrency for case in config.plan.cases]
        if config.verify:  # all of them read at the same time
            at_once.append(len(config.backends))
        self.database.check_capacity(max(at_once) + SPARE_CONNECTIONS)
        server_pid = postmaster_pid(self.connection)
        self.listener.stage("rows")
        fingerprint = rows.ensure(self.connection, config.dataset)
        verdicts = self._verify() if config.verify else None
        local = server_pid is not None
        self.jobs = Jobs(config, self.connection, self.database, server_pid)
        self.recorder.header(
            new_header(config, self.connection, self.database, fingerprint, verdicts, local=local)
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
            self._measure_alone(name, cases, resolve_name(probes()[name].work))
        self._measure_rounds()
        if self.troubles:
            first, amount = self.troubles[0], len(self.troubles)
            raise BenchError(
                f"{amount} run{'s' if amount > 1 else ''} failed, the first: {first}.\n"
                f"What was measured, and every failure, is kept in {self.recorder.folder}."
            )

    def _verify(self) -> list[Verdict]:
        asked = [found for found in self.config.backends.values() if found.backend]
        self.listener.stage("verification", len(asked))
        verdicts = verify(
            self.crew,
            self.connection,
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
                    rows.restore(self.connection, self.config.dataset)

    def _keep(
        self, case: Case, round_number: int, pending: Pending[Entry], timeout_s: float
    ) -> None:
        """Wait for the outcome and append it; a failure is an outcome, if the server lives."""
        outcome: Entry
        try:
            outcome = self.crew.result(pending, timeout_s)
        except WorkError as error:
            if isinstance(error, GivenUpError):
                self.hopeless.add(case)
            outcome = Failure(case, round_number, redact(str(error), self.database.url))
        if self._add(outcome):
            self._check_server(case)

    def _add(self, outcome: Entry) -> bool:
        """Append it; True if it is a failure, or holds one."""
        self.recorder.add(outcome)
        self.listener.step(outcome.case, outcome)
        trouble = _trouble(outcome)
        if trouble:
            self.troubles.append(f"{outcome.case.title}: {trouble}")
        return trouble is not None

    def _check_server(self, case: Case) -> None:
        """Raises `BenchError` when the server is gone, so that no other case is blamed for it."""
        import psycopg

        try:
            self.connection.execute("SELECT 1")
        except psycopg.Error:
            raise BenchError(
                f"the server went away while {case.title} was measured.\n"
                f"What was measured before is kept in {self.recorder.folder}."
            ) from None


def _trouble(outcome: Entry) -> str | None:
    if isinstance(outcome, Failure):
        return outcome.error
    if isinstance(outcome, Run) and (errors := outcome.samples.errors):
        first = next(iter(errors.values()))
        return f"{len(errors)} of {len(outcome.samples)} operations failed, the first with {first}"
    return None
