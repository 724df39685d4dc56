"""The outcomes of a run: each is awaited, checked and appended to the file as it comes."""

from dataclasses import dataclass, field

from bench.cluster.cluster_pool import ClusterPool
from bench.dataset.lock import Lock, LockLostError, ServerGoneError
from bench.execution.progress_listener import ProgressListener
from bench.measure.worker_pool import Pending, WorkerPool
from bench.measure.worker_process import GivenUpError, WorkError
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.results.entries import Entry, Failure, Run
from bench.results.file import Recorder
from bench.server.database import Database, redact


@dataclass
class Outcomes:
    """Waits for outcomes and appends them."""

    database: Database
    recorder: Recorder
    listener: ProgressListener
    lock: Lock
    workers: WorkerPool
    window_s: float = 0.0
    """Seconds from the start barrier to the last sample, over all runs."""
    problems: list[str] = field(default_factory=list)
    """Every failure, in words."""
    failed: set[str] = field(default_factory=set)
    """Backends of which something failed."""
    given_up: set[Case] = field(default_factory=set)
    """Cases that did not end in time. They are not tried again."""

    def wait(
        self,
        case: Case,
        round_number: int,
        pending: Pending[Entry],
        timeout_s: float,
        workers: WorkerPool | ClusterPool | None = None,
    ) -> Entry:
        """Wait for the outcome and return it. A failure is an outcome.

        `workers`: those that have the job, if they are not those of this machine.
        """
        try:
            return (workers or self.workers).result(pending, timeout_s)
        except WorkError as error:
            if isinstance(error, GivenUpError):
                self.given_up.add(case)
            return Failure(case, round_number, redact(str(error), self.database.url))

    def keep(self, outcome: Entry, round_number: int = 0) -> bool:
        """Append the outcome. Return whether the server has kept its connections meanwhile.

        Raises `BenchError` if the server is gone, or if another command may have used the rows
        since the last outcome. Then no figure of this case is kept, and the case is not to blame.
        """
        case, before = outcome.case, self.lock.connection
        try:
            self.lock.check()
        except LockLostError as error:
            self.add(Failure(case, round_number, str(error).partition("\n")[0]))
            raise
        except ServerGoneError as error:
            reason = f"the server went away while {case.title} was measured"
            self.add(Failure(case, round_number, reason))
            raise BenchError(
                f"{reason}.\nWhat was measured before is kept in {self.recorder.folder}."
            ) from error
        self.add(outcome)
        return self.lock.connection is before

    def add(self, outcome: Entry) -> None:
        """Append the outcome, and record its problem if it has one."""
        self.recorder.add(outcome)
        if isinstance(outcome, Run):
            self.window_s += outcome.elapsed_ns / 1e9
        self.listener.step(outcome.case, outcome)
        if problem := _problem(outcome):
            self.problems.append(f"{outcome.case.title}: {problem}")
            self.failed.add(outcome.case.backend)

    def raise_problems(self) -> None:
        """Raise `BenchError` if anything failed."""
        if self.problems:
            first, amount = self.problems[0], len(self.problems)
            raise BenchError(
                f"{amount} run{'s' if amount > 1 else ''} failed, the first: {first}.\n"
                f"What was measured, and every failure, is kept in {self.recorder.folder}."
            )


def _problem(outcome: Entry) -> str | None:
    if isinstance(outcome, Failure):
        return outcome.error
    if isinstance(outcome, Run) and (errors := outcome.samples.errors):
        first = next(iter(errors.values()))
        return f"{len(errors)} of {len(outcome.samples)} operations failed, the first with {first}"
    return None
