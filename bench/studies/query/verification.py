"""The verification of a user's own reads and units of work, through every backend of a run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.dataset import loading as rows
from bench.execution.behind_pooler import fitted
from bench.execution.links import Links
from bench.measure.worker_pool import Pending, WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.run_config import RunConfig
from bench.server.database import Database
from bench.server.pooler import detect
from bench.studies.query.checks import Checked, check
from bench.studies.query.jobs import QueryJobs
from bench.studies.query.question import Question, Subject
from bench.studies.query.room import at_once
from bench.studies.query.unit_verification import check_units
from bench.studies.query.watch import watching
from bench.verification.ways import Way, ways_of

if TYPE_CHECKING:
    from bench.execution.jobs import Jobs


@dataclass
class Verification:
    """The checks of a run, before anything is timed."""

    subjects: Sequence[Subject]
    config: RunConfig
    jobs: "Jobs"
    workers: WorkerPool
    database: Database
    shared: bool = field(kw_only=True)
    """Whether a pooler is between that shares connections."""
    lock: Any = None
    """The hold on the server, of a command that measures nothing by itself; its `check` raises."""

    def check_all(self) -> None:
        """Check every read and every unit of work. Raises `BenchError` if any differs."""
        for backend, checked in self.check().items():
            if checked.difference:
                raise BenchError(
                    f"{backend} differs: {checked.difference}\n"
                    "Nothing was timed. Correct the file, or choose another backend with --backend."
                )
        self.check_units()

    def check(
        self, on_compared: Callable[[str], None] = lambda backend: None
    ) -> dict[str, Checked]:
        """Check every read through every backend, all backends at the same time.

        Each way to connect is checked, in the transactions and ways of fetching of its cases.
        """
        names = list(self.config.backends)
        self.workers.start(names, alike=True)
        checked = {backend: Checked() for backend in names}
        reads = [(s, question) for s in self.subjects for question in s.questions]
        several = len({question.name for _, question in reads}) > 1
        asked: set[tuple[str, str, str, Way]] = set()
        for subject, question in reads:
            # Each holds the whole answer: only so many as fit into the memory read at a time.
            few = at_once(question.buffered_bytes, len(names))
            left = []
            for name, ways in self._ways(subject).items():
                for way in ways:
                    # Workloads of one database that share a read ask it once.
                    place = (subject.sessions.url, question.name, name, way)
                    if place not in asked and not checked[name].difference:
                        asked.add(place)
                        left.append((name, way))
            while left:
                chosen, left = left[:few], left[few:]
                pending = [
                    (name, self._submit_check(subject, question, name, way)) for name, way in chosen
                ]
                for name, answer in pending:
                    checked[name].add(question.name if several else "", self._result(answer))
        for backend in names:
            on_compared(backend)
        return checked

    def check_units(self) -> dict[str, list[str]]:
        """Check every unit of work through every backend, by each of its ways to connect.

        Return the name of a unit -> the backends that agree. Raises `BenchError` if one fails, or
        does not agree.
        """
        agreeing: dict[str, dict[str, None]] = {}
        for subject in self.subjects:
            ways = self._ways(subject)
            if not subject.units:
                continue
            for number in range(max(map(len, ways.values()), default=0)):
                jobs: Any = {
                    name: self.jobs.of(Case(name, subject.name, connect=known[number].connect))
                    for name, known in ways.items()
                    if number < len(known)
                }
                check_units(subject, jobs, self.workers, self.config.timeout_s)
                for unit in subject.units.jobs:
                    agreeing.setdefault(unit.name, {}).update(dict.fromkeys(jobs))
        return {unit: list(names) for unit, names in agreeing.items()}

    def _ways(self, subject: Subject) -> dict[str, list[Way]]:
        """Return backend -> the ways in which its cases of this workload connect."""
        cases = [case for case in self.config.plan.everything if case.workload == subject.name]
        return ways_of(cases, own_fetches=self.shared)

    def _submit_check(
        self, subject: Subject, question: Question, backend: str, way: Way
    ) -> Pending[Checked]:
        case = Case(backend, subject.name, transactions=way.transactions, connect=way.connect)
        job: Any = self.jobs.of(case)
        fetches = self.config.plan.fetches if way.fetches is None else way.fetches
        return self.workers.submit(backend, check, job, question.name, question.answers, fetches)

    def _result(self, pending: Pending[Checked]) -> Checked:
        try:
            return self.workers.result(pending, self.config.timeout_s)
        except WorkError as error:
            words = self.database.safe(str(error))
            if "unique() method" in words:
                words = "orm= joins a collection; give a statement for streams in orm_streamed="
            return Checked(difference=words)


@contextmanager
def verification(
    subjects: Sequence[Subject], config: RunConfig, database: Database
) -> Iterator[Verification]:
    """Give the checks of a command that measures nothing. Worker processes end with the block.

    Raises `BenchError` if another command uses the rows, or the server is behind a pooler that
    cannot be used.
    """
    pooler = detect(database)
    config = replace(config, plan=fitted(config.plan, config.backends, database, pooler))
    with (
        watching(subjects, config, database) as held,
        Links(subjects[0].sessions.url) as links,
        WorkerPool(config.guard) as workers,
    ):
        if any(subject.marketplace for subject in subjects):
            held.run(partial(rows.ensure, dataset=config.dataset))
        by_name = {subject.name: subject for subject in subjects}
        jobs: Any = QueryJobs(by_name, config, None, links, "")
        yield Verification(
            subjects,
            config,
            jobs,
            workers,
            database,
            shared=pooler is not None and pooler.shares,
            lock=held,
        )
