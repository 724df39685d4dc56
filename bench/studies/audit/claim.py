"""A claim about the figures, the laboratory that tests it, and the outcome."""

from collections.abc import Callable
from dataclasses import dataclass, field

import accessors
from bench.measure import runner
from bench.measure.runner import Job
from bench.measure.worker_pool import WorkerPool
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.timeout import TIMEOUT_S
from bench.results.entries import Run

DRIVERS = ("asyncpg", "psycopg2")
"""The drivers that real runs of a claim may use."""

CONNECTIONS = 64
"""The most connections that a real run of a claim may open."""


@dataclass(frozen=True)
class Outcome:
    """The result of testing one claim. The texts are cells of a table."""

    truth: str
    measured: str
    holds: bool
    before: str = ""
    """The same figure by the rule that the claim replaced; empty if there was none."""


@dataclass(frozen=True)
class Laboratory:
    """A server with the dataset, and a process for each backend, for claims that need real runs."""

    dataset: Dataset
    url_for: Callable[[str], str] = field(repr=False)
    """Driver -> its URL."""
    worker_pool: WorkerPool = field(repr=False)
    postmaster_pid: int | None = None

    def run(self, case: Case, seconds: float, warm_up_s: float = 0.1, number: int = 0) -> Run:
        """Measure one round of a case with a built-in backend. Raises `BenchError` if it fails."""
        job = Job(
            case,
            accessors.BUILTIN[case.backend],
            self.url_for(case.backend.rpartition("+")[2]),
            self.dataset,
            number,
            seconds,
            warm_up_s,
            self.postmaster_pid,
        )
        pending = self.worker_pool.submit(case.process, runner.run, job)
        return self.worker_pool.result(pending, TIMEOUT_S + seconds)


@dataclass(frozen=True)
class Claim:
    """One claim. `simulate` tests it without a server, `measure` in a laboratory: give one of them.

    To add a claim, write a function that returns an `Outcome`, put a `Claim` with it into the
    tuple `CLAIMS` of a module of this package, and name the module in `bench.studies.audit.claims`.
    """

    name: str
    """The name that `bench audit --claim` takes."""
    statement: str
    method: str
    """The test, in a sentence."""
    simulate: Callable[[], Outcome] | None = None
    measure: Callable[[Laboratory], Outcome] | None = None

    @property
    def needs_server(self) -> bool:
        """Whether it is tested by real runs."""
        return self.measure is not None

    def test(self, laboratory: Laboratory | None) -> Outcome:
        """Test the claim. A claim with `measure` needs a laboratory."""
        if self.simulate:
            return self.simulate()
        if self.measure and laboratory:
            return self.measure(laboratory)
        raise ValueError(f"the claim {self.name} has no laboratory, or no test")
