"""From a case to the job that a process is given."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.dataset.windows import window
from bench.measure.runner import Job
from bench.model.case import Case
from bench.server.database import Database

if TYPE_CHECKING:
    from bench.dataset.lock import Lock
    from bench.model.run_config import RunConfig

ORM_WARM_UP_ROWS = 100
"""Of a result whose size is given, the most that an ORM fetches to warm up: all of it would take as
long as what is measured."""

FLOOR_SHARE = 0.1
"""Of a profile's seconds, how much the backends that answer from memory get."""


@dataclass
class Jobs:
    """Makes the jobs of one run."""

    config: "RunConfig"
    held: "Lock"
    database: Database
    postmaster_pid: int | None
    _windows: dict[int, tuple[Any, ...]] = field(default_factory=dict)

    def of(self, case: Case, round_number: int = 0) -> Job:
        """Raises `BenchError` where there are not as many rows as the case is to have."""
        profile = self.config.plan.profile
        found = self.config.backends[case.backend]
        # A million operations a second need no longer, and would be nine tenths of the file.
        share = FLOOR_SHARE if found.backend and found.backend.in_memory else 1
        return Job(
            case=case,
            module=found.module,
            url=self.database.url_for(found.backend.driver if found.backend else ""),
            dataset=self.config.dataset,
            round=round_number,
            seconds=profile.seconds * share,
            warm_up_s=profile.warm_up_s,
            heartbeat_s=profile.heartbeat_s,
            postmaster_pid=self.postmaster_pid,
            arguments=self._arguments(case, case.size),
            warm_up_arguments=self._arguments(case, min(case.size, ORM_WARM_UP_ROWS))
            if case.size and found.backend and found.backend.layer == "orm"
            else None,
        )

    def _arguments(self, case: Case, size: int | None) -> tuple[Any, ...] | None:
        """What gives so many rows."""
        if size is None:
            return None
        if case.workload == "get_customers":
            return (size,)
        if size not in self._windows:
            self._windows[size] = window(self.held.connection, size)
        return self._windows[size]
