"""Makes the job that a worker process is given for a case."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bench.dataset.windows import window
from bench.execution.links import Links
from bench.measure.job import Job
from bench.model.case import Case, Transport
from bench.model.rate import window_at_rate_s
from bench.server.database import Database
from bench.server.transport import by_transport

if TYPE_CHECKING:
    from bench.dataset.lock import Lock
    from bench.model.run_config import RunConfig

ORM_WARM_UP_ROWS = 100
"""The most rows that an ORM fetches to warm up, if the size of the result is given. To fetch the
whole result would take as long as the measurement."""

NULL_SHARE = 0.1
"""The window of a null backend, as a share of the profile's seconds."""


@dataclass
class Jobs:
    """Makes the jobs of one run."""

    config: "RunConfig"
    lock: "Lock"
    database: Database
    postmaster_pid: int | None
    links: Links
    samples_folder: str | None = None
    behind_pooler: bool = False
    """Whether the database URL leads to a pooler."""
    _databases: dict[Transport, Database] = field(default_factory=dict)
    _windows: dict[int, tuple[Any, ...]] = field(default_factory=dict)

    def of(self, case: Case, round_number: int = 0, generation: int | None = None) -> Job:
        """Return the job. Raises `BenchError` if the dataset has fewer rows than the case."""
        profile = self.config.plan.profile
        described = self.config.backends[case.backend]
        driver = described.backend.driver if described.backend else ""
        database = self._by_transport(case.transport)
        # At a million operations a second that is plenty. More would be nine tenths of the file.
        share = NULL_SHARE if described.backend and described.backend.in_memory else 1
        return Job(
            case=case,
            module=described.module,
            url=self.links.url(database.url_for(driver), case.link, driver, case.loop, case.pool),
            behind_pooler=self.behind_pooler or case.pool.behind_pgbouncer,
            dataset=self.config.dataset,
            round=round_number,
            generation=generation,
            lengthen=case.rate is None and case.processes == 1,
            samples_folder=self.samples_folder,
            seconds=_seconds(case, profile.seconds, share),
            warm_up_s=profile.warm_up_s,
            heartbeat_s=profile.heartbeat_s,
            postmaster_pid=self.postmaster_pid,
            arguments=self._arguments(case, case.size),
            warm_up_arguments=self._arguments(case, min(case.size, ORM_WARM_UP_ROWS))
            if case.size and described.backend and described.backend.layer == "orm"
            else None,
        )

    def check_transports(self, cases: Iterable[Case]) -> None:
        """Connect by each transport of the cases. Raises `BenchError` if one cannot be used."""
        for transport in dict.fromkeys(case.transport for case in cases if case.transport):
            self._by_transport(transport).connect(as_backend=True).close()

    def _by_transport(self, transport: Transport) -> Database:
        """Return the database by this transport. Raises as `by_transport`."""
        if not transport:
            return self.database
        if transport not in self._databases:
            local = self.postmaster_pid is not None
            url = by_transport(self.database.url, transport, self.lock.connection, local=local)
            self._databases[transport] = replace(self.database, url=url)
        return self._databases[transport]

    def _arguments(self, case: Case, size: int | None) -> tuple[Any, ...] | None:
        """Return the arguments that give a result of this size."""
        if size is None:
            return None
        if case.workload == "get_customers":
            return (size,)
        if size not in self._windows:
            self._windows[size] = window(self.lock.connection, size)
        return self._windows[size]


def _seconds(case: Case, seconds: float, share: float) -> float:
    """Return the length of the case's window, in seconds."""
    if case.rate is not None:
        return window_at_rate_s(case.rate, seconds)
    return seconds * share
