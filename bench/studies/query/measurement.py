"""The run of `bench query`: the same rounds as `bench run`, with the user's statement."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bench.dataset import loading as rows
from bench.execution.behind_pooler import fitted
from bench.execution.client_machines import client_machines
from bench.execution.links import Links
from bench.execution.measurement import Measurement, ended
from bench.execution.new_header import Verified
from bench.execution.outcomes import Outcomes
from bench.execution.progress_listener import ProgressListener
from bench.execution.stage_times import StageTimes
from bench.execution.turns import MakeTurns, StoppingRule, Turns
from bench.measure.worker_pool import WorkerPool
from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.run_config import RunConfig
from bench.results.file import Recorder
from bench.server.database import Database
from bench.server.pooler import detect
from bench.studies.query.jobs import QueryJobs
from bench.studies.query.planning import plainest
from bench.studies.query.question import Subject
from bench.studies.query.server_statistics import Observer
from bench.studies.query.verification import Verification
from bench.studies.query.watch import watching


def measure(
    subjects: Sequence[Subject],
    config: RunConfig,
    database: Database,
    recorder: Recorder,
    listener: ProgressListener,
    *,
    stopping: StoppingRule | None = None,
    turns: MakeTurns = Turns,
) -> None:
    """Verify and measure the workloads; append every outcome as it ends.

    `stopping`, `turns`: as in `bench.execution.measurement.Measurement`. A backend whose answers
    differ, or that cannot read them, is left out: the header says why.

    Raises as `bench.execution.measurement.measure` does, and `BenchError` if no backend is left.
    """
    times = StageTimes(listener)
    with ended(recorder, times):
        pooler = detect(database)
        config = replace(config, plan=fitted(config.plan, config.backends, database, pooler))
        with (
            watching(subjects, config, database) as held,
            Links(subjects[0].sessions.url) as links,
            WorkerPool(config.guard) as workers,
            client_machines(config, database) as cluster,
        ):
            if cluster:
                for file in dict.fromkeys(subject.file for subject in subjects if subject.file):
                    cluster.check_file(file)
            outcomes = Outcomes(database, recorder, times, held, workers)
            measurement = _QueryMeasurement(
                config,
                times,
                outcomes,
                links,
                stopping,
                pooler,
                cluster,
                turns=turns,
                subjects=subjects,
            )
            measurement.carry_out(times)


@dataclass
class _QueryMeasurement(Measurement):
    subjects: Sequence[Subject] = field(kw_only=True)

    def prepare(self) -> None:
        """Do all that must be right before anything is measured; then write the header."""
        config = self.config
        self.find_server()
        fingerprint = None
        if any(subject.marketplace for subject in self.subjects):
            fingerprint = self.lock.run(partial(rows.ensure, dataset=config.dataset))
        by_name = {subject.name: subject for subject in self.subjects}
        folder = str(self.outcomes.recorder.folder.resolve())
        made: Any = QueryJobs(by_name, config, self.server_pid, self.links, folder)
        self.jobs = made
        verification = Verification(
            self.subjects, config, self.jobs, self.workers, self.database, shared=self._shared
        )
        checked = {}
        if config.verify:
            self.listener.stage("verification", len(config.backends))
            checked = verification.check(self.listener.compared)
        bad = {name: c.difference for name, c in checked.items() if c.difference}
        good = {name: c for name, c in checked.items() if name not in bad}
        if config.verify and not good:
            name, reason = next(iter(bad.items()))
            raise BenchError(
                f"no backend gives the server's answer; {name}: {reason}\n"
                "Cast the column or the parameter in the statement, as in column::text."
            )
        if config.verify:
            verification.check_units()
        self.config = _without(config, bad, self.subjects[0].name)
        verified = Verified({name: c.checks for name, c in good.items()}, [])
        header = self.header(fingerprint, verified if config.verify else None)
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

    def restore(self, case: Case) -> None:
        """Bring back the rows of the case's workload."""
        subject = next(s for s in self.subjects if s.name == case.workload)
        if subject.kept:
            subject.kept.restore()


def _card(card: dict[str, str], texts: dict[str, str] | None) -> dict[str, str]:
    """Return the fairness card with what the library leaves as text, and without the writes."""
    kept = {point: words for point, words in card.items() if point != "writes"}
    types = ", ".join(dict.fromkeys((texts or {}).values()))
    return kept | {"values": f"{types} as text" if types else "all as Python values"}


def _without(config: RunConfig, bad: dict[str, str], workload: str) -> RunConfig:
    """Return the config without these backends; the plan says why they are left out."""
    if not bad:
        return config
    reasons = {f"{name}/{workload}": f"{name}: {reason}" for name, reason in bad.items()}
    good = {name: found for name, found in config.backends.items() if name not in bad}
    plan = config.plan.without(lambda case: bad.get(case.backend), good)
    plan = replace(plan, impossible={**config.plan.impossible, **reasons})
    return replace(config, plan=plan, backends=good)
