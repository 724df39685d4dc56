"""The whole of `bench run`, in its one direction: rows, verification, rounds, file."""

import random
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from accessors import Found
from accessors.api import Target
from bench import dataset as rows
from bench import environment, memory, runner, schema
from bench.case import Case
from bench.database import Database, postmaster_pid
from bench.dataset import Dataset
from bench.errors import BenchError
from bench.plan import Plan
from bench.processes import Crew
from bench.results import Failure, Memory, Recorder, Run
from bench.runner import Job
from bench.verify import Verdict, verify
from bench.workload import WORKLOADS

if TYPE_CHECKING:
    import psycopg

OWN_CONNECTIONS = 4
"""Of the harness itself, beside the crowd's: one that keeps the rows, and room for a look."""

PATIENCE_S = 120
"""How much longer than planned a run may take before its process is given up."""


class Audience(Protocol):
    """Whoever is told how it goes."""

    def stage(self, what: str, steps: int | None = None) -> None:
        """Another part of the work begins, of so many steps."""

    def verdict(self, verdict: Verdict) -> None: ...

    def step(self, case: Case, outcome: Run | Memory | Failure) -> None: ...


@dataclass(frozen=True)
class Order:
    """What was ordered: a plan, and everything that decides how it is carried out."""

    plan: Plan
    backends: Mapping[str, Found]
    dataset: Dataset
    label: str
    verify: bool = True
    command: str = ""
    """As it was typed, without secrets."""


def measure(order: Order, database: Database, recorder: Recorder, audience: Audience) -> bool:
    """Carry out the order; append every run as it ends. True when none failed.

    Raises `BenchError` when it can't go on, `KeyboardInterrupt` when it is told to stop. What was
    measured is in the file either way, and the file says how it ended; a folder that would hold
    nothing is taken back.
    """
    try:
        with database.connect() as connection, schema.held(connection), Crew() as crew:
            work = _Work(order, database, recorder, audience, connection, crew)
            work.prepare()
            intact = work.measure()
    except KeyboardInterrupt:
        recorder.end("interrupted")
        raise
    except BenchError as error:
        recorder.end("failed", reason=str(error).partition("\n")[0])
        raise
    recorder.end("complete" if intact else "failed")
    return intact


@dataclass
class _Work:
    order: Order
    database: Database
    recorder: Recorder
    audience: Audience
    connection: "psycopg.Connection[Any]"
    crew: Crew

    def prepare(self) -> None:
        """All that has to be right before anything is measured; then the header."""
        most = max(case.concurrency for case in self.order.plan.cases)
        self.database.check_capacity(most + OWN_CONNECTIONS)
        self.postmaster_pid = postmaster_pid(self.connection)
        self.audience.stage("rows")
        fingerprint = rows.ensure(self.connection, self.order.dataset)
        verdicts = self._verify() if self.order.verify else None
        self.recorder.header(self._header(fingerprint, verdicts))

    def measure(self) -> bool:
        """True when no run failed."""
        self.intact = True
        self._measure_memory()
        self._measure_rounds()
        return self.intact

    def _verify(self) -> list[Verdict]:
        asked = [found for found in self.order.backends.values() if found.backend]
        self.audience.stage("verification", len(asked))
        target = Target(self.database.url)
        verdicts = verify(
            self.crew,
            self.connection,
            target,
            self.order.dataset,
            self.order.backends,
            {case.fetch for case in self.order.plan.cases},
            self.audience.verdict,
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

    def _header(
        self, fingerprint: rows.Fingerprint, verdicts: list[Verdict] | None
    ) -> dict[str, Any]:
        order, plan = self.order, self.order.plan
        local = self.postmaster_pid is not None
        return {
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "label": order.label,
            "command": order.command,
            "profile": plan.profile.name,
            "rounds": plan.profile.rounds,
            "seconds": plan.profile.seconds,
            "warm_up_s": plan.profile.warm_up_s,
            "load_model": "closed",
            "verified": None if verdicts is None else {v.backend: v.checks for v in verdicts},
            "leaves_out": plan.profile.leaves_out,
            "dataset": {
                "scale": order.dataset.scale,
                "seed": order.dataset.seed,
                **vars(fingerprint),
                "digest": fingerprint.digest,
            },
            "environment": environment.collect(self.connection, self.database, local),
            "backends": environment.describe(order.backends),
            "plan": [case.as_dict() for case in plan.cases],
        }

    def _job(self, case: Case, round_number: int = 0) -> Job:
        profile = self.order.plan.profile
        return Job(
            case=case,
            module=self.order.backends[case.backend].module,
            url=self.database.url,
            dataset=self.order.dataset,
            round=round_number,
            seconds=profile.seconds,
            warm_up_s=profile.warm_up_s,
            postmaster_pid=self.postmaster_pid,
        )

    def _measure_memory(self) -> None:
        cases = self.order.plan.memory_cases
        if not cases:
            return
        self.audience.stage("memory", len(cases))
        # Two at a time: nothing is timed here.
        executor = self.crew.fresh(workers=2)
        futures = [(case, executor.submit(memory.peak, self._job(case))) for case in cases]
        for case, future in futures:
            self._keep(case, 0, future, PATIENCE_S)

    def _measure_rounds(self) -> None:
        plan = self.order.plan
        profile = plan.profile
        self.audience.stage("measurement", len(plan.cases) * profile.rounds)
        for round_number in range(profile.rounds):
            # Interleaved and shuffled, so that drift hits all alike; the seed makes the order
            # the same again.
            cases = random.Random(f"{self.order.dataset.seed}/{round_number}").sample(
                plan.cases, len(plan.cases)
            )
            for case in cases:
                future = self.crew.submit(case.backend, runner.run, self._job(case, round_number))
                self._keep(case, round_number, future, profile.seconds + PATIENCE_S)
                if WORKLOADS[case.workload].writes:
                    self._restore()

    def _keep(
        self,
        case: Case,
        round_number: int,
        future: "Future[Run] | Future[Memory]",
        patience_s: float,
    ) -> None:
        """Wait for the outcome and append it; a failure is an outcome, if the server lives."""
        try:
            outcome: Run | Memory | Failure = future.result(patience_s)
        except Exception as error:
            if isinstance(error, BrokenProcessPool | TimeoutError):
                self.crew.replace(case.backend)
            outcome = Failure(case, round_number, _in_words(error, patience_s))
        failed = isinstance(outcome, Failure) or (
            isinstance(outcome, Run) and outcome.samples.errors
        )
        self.intact = self.intact and not failed
        self.recorder.add(outcome)
        self.audience.step(case, outcome)
        if failed:
            self._server_lives(case)

    def _server_lives(self, case: Case) -> None:
        """Raises `BenchError` when the server is gone, so that no other case is blamed for it."""
        import psycopg

        try:
            self.connection.execute("SELECT 1")
        except psycopg.Error:
            raise BenchError(
                f"the server went away while {case.title} was measured.\n"
                f"What was measured before is kept in {self.recorder.folder}."
            ) from None

    def _restore(self) -> None:
        import psycopg

        try:
            rows.restore(self.connection, self.order.dataset)
        except psycopg.OperationalError:
            raise BenchError(
                "the server went away while rows were put back.\n"
                f"What was measured before is kept in {self.recorder.folder}."
            ) from None


def _in_words(error: Exception, patience_s: float) -> str:
    match error:
        case BrokenProcessPool():
            return "its process died"
        case TimeoutError():
            return f"no end after {patience_s:g} s: its process was given up"
        case _:
            return f"{type(error).__name__}: {error}".partition("\n")[0]
