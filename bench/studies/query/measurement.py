"""The run of `bench query`: the same rounds as `bench run`, with the user's statement."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from bench.dataset import loading as rows
from bench.dataset import lock
from bench.dataset.lock import ServerGoneError
from bench.execution.behind_pooler import fitted
from bench.execution.capacity import most_connections
from bench.execution.client_machines import client_machines, machines_of
from bench.execution.links import Links
from bench.execution.measurement import SPARE_CONNECTIONS, Measurement, ended
from bench.execution.new_header import Verified, new_header
from bench.execution.outcomes import Outcomes
from bench.execution.pinning import placement
from bench.execution.progress_listener import ProgressListener
from bench.execution.stage_times import StageTimes
from bench.measure.worker_pool import Pending, WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.plan import Plan
from bench.model.rate import window_at_rate_s
from bench.model.run_config import RunConfig
from bench.results.file import Recorder
from bench.server.database import Database, postmaster_pid
from bench.server.failures import first_line
from bench.server.pooler import detect
from bench.server.url import parse
from bench.studies.query.checks import Checked, check
from bench.studies.query.job import QueryJob
from bench.studies.query.question import Question, Subject, plainest
from bench.studies.query.room import at_once
from bench.studies.query.server_statistics import Observer
from bench.studies.query.unit_verification import check_units
from bench.system.limits import check_open_files
from bench.verification.ways import Way, ways_of

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
    with ended(recorder, times):
        pooler = detect(database)
        config = replace(config, plan=fitted(config.plan, config.backends, database, pooler))
        with (
            _watching(subjects, config, database) as held,
            Links(subjects[0].sessions.url) as links,
            WorkerPool(config.guard) as workers,
            client_machines(config, database) as cluster,
        ):
            if cluster:
                for file in dict.fromkeys(subject.file for subject in subjects if subject.file):
                    cluster.check_file(file)
            outcomes = Outcomes(database, recorder, times, held, workers)
            measurement = _QueryMeasurement(
                config, times, outcomes, links, None, pooler, cluster, subjects=subjects
            )
            measurement.carry_out(times)


@contextmanager
def _watching(subjects: Sequence[Subject], config: RunConfig, database: Database) -> Iterator[Any]:
    """Hold the lock of our own rows, or only watch the server of other rows."""
    if any(subject.marketplace for subject in subjects):
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
    samples_folder: str
    """The folder of the run, where a worker process puts the samples of a long one."""

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The numbers of rows that cases ask for."""
        asked = self.config.plan.everything
        return tuple(sorted({case.size for case in asked if case.size is not None}))

    def of(self, case: Case, round_number: int = 0, generation: int | None = None) -> "Job":
        """Return the job of a case."""
        profile = self.config.plan.profile
        found = self.config.backends[case.backend]
        subject = self.subjects[case.workload]
        driver = found.backend.driver if found.backend else ""
        seconds = profile.seconds
        if case.rate is not None:
            seconds = window_at_rate_s(case.rate, seconds)
        return QueryJob(
            case=case,
            module=found.module,
            url=self.links.url(subject.sessions.url_for(driver), case.link, driver, case.loop),
            session_options=parse(subject.sessions.url).get("options", ""),
            dataset=self.config.dataset,
            round=round_number,
            generation=generation,
            lengthen=case.rate is None and case.processes == 1,
            samples_folder=self.samples_folder,
            seconds=seconds,
            warm_up_s=profile.warm_up_s,
            heartbeat_s=profile.heartbeat_s,
            postmaster_pid=self.server_pid,
            reads=subject.reads,
            units=subject.units.jobs if subject.units else (),
            file=subject.file,
            begins=subject.units is not None and subject.units.begins,
            changes=subject.kept.changes if subject.kept else "nothing",
            usual_rows=subject.rows,
            sizes=self.sizes,
        )


@dataclass
class _QueryMeasurement(Measurement):
    subjects: Sequence[Subject] = field(kw_only=True)

    def prepare(self) -> None:
        """Do all that must be right before anything is measured; then write the header."""
        config = self.config
        at_once = most_connections(config)
        check_open_files(at_once)
        self.database.check_capacity(at_once + SPARE_CONNECTIONS)
        server_pid = postmaster_pid(self.lock.connection)
        fingerprint = None
        if any(subject.marketplace for subject in self.subjects):
            fingerprint = self.lock.run(partial(rows.ensure, dataset=config.dataset))
        by_name = {subject.name: subject for subject in self.subjects}
        folder = str(self.outcomes.recorder.folder.resolve())
        made: Any = _QueryJobs(by_name, config, server_pid, self.links, folder)
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
        if config.verify:
            self._check_units()
        self.config = _without(config, bad, self.subjects[0].name)
        self.server_pid = server_pid
        self.placement = placement(config, server_pid)
        verified = Verified({name: c.checks for name, c in good.items()}, [])
        header = new_header(
            self.config,
            self.lock.connection,
            self.database,
            fingerprint,
            verified if config.verify else None,
            self.pooler,
            local=server_pid is not None,
            placement=self.placement,
            cluster=machines_of(self.cluster),
        )
        texts = {name: c.texts for name, c in good.items() if c.texts}
        backends = {
            name: replace(facts, card=_card(facts.card, texts.get(name)))
            for name, facts in header.backends.items()
        }
        statements = {subject.name: subject.facts(texts) for subject in self.subjects}
        self.outcomes.recorder.header(replace(header, backends=backends, statements=statements))

    def measure(self) -> None:
        """Measure as every run, and add the server's own account of the plainest cases."""
        observer = Observer(
            self.outcomes.listener,
            self.lock,
            [question.statement for s in self.subjects for question in s.questions],
            plainest(self.config.plan.cases),
        )
        self.outcomes.listener = observer
        try:
            super().measure()
        finally:
            for entry in observer.entries():
                self.outcomes.recorder.add(entry)

    def _check(self) -> dict[str, Checked]:
        """Check every read through every backend, all backends at the same time.

        Each way to connect is checked, in the transactions and ways of fetching of its cases.
        """
        names = list(self.config.backends)
        self.listener.stage("verification", len(names))
        self.workers.start(names)
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
            self.listener.compared(backend)
        return checked

    def _ways(self, subject: Subject) -> dict[str, list[Way]]:
        """Return backend -> the ways in which its cases of this workload connect."""
        cases = [case for case in self.config.plan.everything if case.workload == subject.name]
        return ways_of(cases, own_fetches=self._shared)

    def _submit_check(
        self, subject: Subject, question: Question, backend: str, way: Way
    ) -> Pending[Checked]:
        case = Case(backend, subject.name, transactions=way.transactions, connect=way.connect)
        job: Any = self.jobs.of(case)
        fetches = self.config.plan.fetches if way.fetches is None else way.fetches
        return self.workers.submit(backend, check, job, question.name, question.answers, fetches)

    def _check_units(self) -> None:
        """Check every unit of work through every backend. Raises `BenchError` if one fails."""
        for subject in self.subjects:
            ways = self._ways(subject)
            if subject.units and ways:
                jobs: Any = {
                    name: self.jobs.of(Case(name, subject.name, connect=of_backend[0].connect))
                    for name, of_backend in ways.items()
                }
                check_units(subject, jobs, self.workers, self.config.timeout_s)

    def restore(self, case: Case) -> None:
        """Bring back the rows of the case's workload."""
        subject = next(s for s in self.subjects if s.name == case.workload)
        if subject.kept:
            subject.kept.restore()

    def _result(self, pending: Pending[Checked]) -> Checked:
        try:
            return self.workers.result(pending, self.config.timeout_s)
        except WorkError as error:
            words = self.database.safe(str(error))
            if "unique() method" in words:
                words = "orm= joins a collection; give a statement for streams in orm_streamed="
            return Checked(difference=words)


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
