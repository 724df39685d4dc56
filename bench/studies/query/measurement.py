"""The run of `bench query`: the same rounds as `bench run`, with the user's statement."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bench.dataset import loading as rows
from bench.dataset import lock
from bench.dataset.lock import ServerGoneError
from bench.execution.links import Links
from bench.execution.measurement import SPARE_CONNECTIONS, Measurement, ended
from bench.execution.new_header import Verified, new_header
from bench.execution.outcomes import Outcomes
from bench.execution.progress_listener import ProgressListener
from bench.execution.stage_times import StageTimes
from bench.measure.worker_pool import Pending, WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.plan import Plan
from bench.model.run_config import RunConfig
from bench.results.file import Recorder
from bench.server.database import Database, postmaster_pid, redact
from bench.server.failures import first_line
from bench.studies.query.checks import Checked, check
from bench.studies.query.job import QueryJob
from bench.studies.query.question import Subject
from bench.system.limits import check_open_files

if TYPE_CHECKING:
    import psycopg

    from bench.measure.runner import Job

Result = TypeVar("Result")


def measure(
    subjects: Sequence[Subject],
    config: RunConfig,
    database: Database,
    recorder: Recorder,
    listener: ProgressListener,
) -> None:
    """Verify and measure the workloads; append every outcome as it ends.

    A backend whose answers differ, or that cannot read them, is left out: the header says why.
    Raises as `bench.execution.measurement.measure` does, and `BenchError` if no backend is left.
    """
    times = StageTimes(listener)
    with (
        ended(recorder, times),
        _watching(subjects, config, database) as held,
        Links(subjects[0].questions[0].sessions.url) as links,
        WorkerPool(config.guard) as workers,
    ):
        outcomes = Outcomes(database, recorder, times, held, workers)
        _QueryMeasurement(config, times, outcomes, links, None, subjects=subjects).carry_out(times)


@contextmanager
def _watching(subjects: Sequence[Subject], config: RunConfig, database: Database) -> Iterator[Any]:
    """Hold the lock of our own rows, or only watch the server of other rows."""
    if subjects[0].questions[0].marketplace:
        with lock.held(database, config.timeout_s) as held:
            yield held
    else:
        with closing(database.connect()) as connection:
            yield Watch(database, connection)


@dataclass
class Watch:
    """A connection that shows whether the server is still there. It locks nothing."""

    database: Database
    connection: "psycopg.Connection[Any]"

    def check(self) -> None:
        """Raise `ServerGoneError` if the server does not answer."""
        import psycopg

        try:
            self.connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            raise ServerGoneError(
                f"the server went away ({first_line(error, self.database.url)}).\n"
                "See its log. The runs finished before are kept."
            ) from None

    def run(self, work: "Callable[[psycopg.Connection[Any]], Result]") -> Result:
        """Call `work` with the connection."""
        return work(self.connection)


@dataclass
class _QueryJobs:
    """Makes the jobs of the run."""

    subjects: Mapping[str, Subject]
    config: RunConfig
    server_pid: int | None
    links: Links

    def of(self, case: Case, round_number: int = 0, generation: int | None = None) -> "Job":
        """Return the job of a case."""
        profile = self.config.plan.profile
        found = self.config.backends[case.backend]
        subject = self.subjects[case.workload]
        driver = found.backend.driver if found.backend else ""
        sessions = subject.questions[0].sessions
        return QueryJob(
            case=case,
            module=found.module,
            url=self.links.url(sessions.url_for(driver), case.link),
            dataset=self.config.dataset,
            round=round_number,
            generation=generation,
            lengthen=True,
            seconds=profile.seconds,
            warm_up_s=profile.warm_up_s,
            heartbeat_s=profile.heartbeat_s,
            postmaster_pid=self.server_pid,
            reads=subject.reads,
            others=tuple(read for other in self.subjects.values() for read in other.reads),
            usual_rows=subject.rows,
        )


@dataclass
class _QueryMeasurement(Measurement):
    subjects: Sequence[Subject] = field(kw_only=True)

    def prepare(self) -> None:
        """Do all that must be right before anything is measured; then write the header."""
        config = self.config
        clients = max(case.concurrency for case in config.plan.cases)
        at_once = max(clients, len(config.backends) if config.verify else 1)
        check_open_files(at_once)
        self.database.check_capacity(at_once + SPARE_CONNECTIONS)
        server_pid = postmaster_pid(self.lock.connection)
        fingerprint = None
        if self.subjects[0].questions[0].marketplace:
            fingerprint = self.lock.run(partial(rows.ensure, dataset=config.dataset))
        made: Any = _QueryJobs({s.name: s for s in self.subjects}, config, server_pid, self.links)
        self.jobs = made
        checked = self._check() if config.verify else {}
        bad = {name: c.difference for name, c in checked.items() if c.difference}
        good = {name: c for name, c in checked.items() if name not in bad}
        if config.verify and not good:
            name, reason = next(iter(bad.items()))
            raise BenchError(
                f"no backend gives the server's answer; {name}: {reason}\n"
                "Cast the column or the parameter in the statement, as in column::text."
            )
        self.config = _without(config, bad, self.subjects[0].name)
        self.local = server_pid is not None
        verified = Verified({name: c.checks for name, c in good.items()}, [])
        header = new_header(
            self.config,
            self.lock.connection,
            self.database,
            fingerprint,
            verified if config.verify else None,
            local=self.local,
        )
        texts = {name: c.texts for name, c in good.items() if c.texts}
        backends = {
            name: replace(facts, card=_card(facts.card, texts.get(name)))
            for name, facts in header.backends.items()
        }
        statements = {subject.name: subject.facts(texts) for subject in self.subjects}
        self.outcomes.recorder.header(replace(header, backends=backends, statements=statements))

    def _check(self) -> dict[str, Checked]:
        """Check every read through every backend, all backends at the same time."""
        names = list(self.config.backends)
        self.listener.stage("verification", len(names))
        self.workers.start(names)
        checked = {backend: Checked() for backend in names}
        fetches = self.config.plan.fetches
        reads = {q.name: (s, q) for s in self.subjects for q in s.questions}
        for subject, question in reads.values():
            pending = {}
            for backend in (name for name in names if not checked[name].difference):
                job: Any = self.jobs.of(Case(backend, subject.name))
                pending[backend] = self.workers.submit(
                    backend, check, job, question.name, question.answers, fetches
                )
            for backend, answer in pending.items():
                checked[backend].add(question.name if len(reads) > 1 else "", self._result(answer))
        for backend in names:
            self.listener.compared(backend)
        return checked

    def _result(self, pending: Pending[Checked]) -> Checked:
        try:
            return self.workers.result(pending, self.config.timeout_s)
        except WorkError as error:
            return Checked(difference=redact(str(error), self.database.url))


def _card(card: dict[str, str], texts: dict[str, str] | None) -> dict[str, str]:
    """Return the fairness card with what the library leaves as text, and without the writes."""
    kept = {point: words for point, words in card.items() if point != "writes"}
    types = ", ".join(dict.fromkeys((texts or {}).values()))
    return kept | {"values": f"{types} as text" if types else "all as Python values"}


def _without(config: RunConfig, bad: dict[str, str], workload: str) -> RunConfig:
    """Return the config without these backends; the plan says why they are left out."""
    if not bad:
        return config
    plan = config.plan
    reasons = {f"{name}/{workload}": f"{name}: {reason}" for name, reason in bad.items()}
    kept = tuple(case for case in plan.cases if case.backend not in bad)
    if not any(case.twin for case in kept):
        most = max(kept, key=lambda case: case.concurrency)
        kept = (*kept, replace(most, twin=True))
    return replace(
        config,
        plan=Plan(
            plan.profile,
            kept,
            {**plan.impossible, **reasons},
            tuple(case for case in plan.memory_cases if case.backend not in bad),
            {
                name: tuple(case for case in cases if case.backend not in bad)
                for name, cases in plan.probes.items()
            },
            plan.fewer_rounds,
        ),
        backends={name: found for name, found in config.backends.items() if name not in bad},
    )
