"""The jobs of a run of a user's own statements, one for each turn of a case."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from bench.execution.links import Links
from bench.model.case import Case
from bench.model.rate import window_at_rate_s
from bench.model.run_config import RunConfig
from bench.server.url import parse
from bench.studies.query.job import QueryJob
from bench.studies.query.question import Subject

if TYPE_CHECKING:
    from bench.measure.runner import Job


@dataclass
class QueryJobs:
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
