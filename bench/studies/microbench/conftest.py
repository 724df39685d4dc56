"""The database, the dataset and the cases of the suite."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import pytest

from accessors import DiscoveredBackend, discover, usual
from accessors.api import AnyBackend
from bench.dataset import loading as rows
from bench.dataset import lock
from bench.dataset.lock import Lock
from bench.execution.capacity import SPARE_CONNECTIONS
from bench.measure.allocator import bring_into
from bench.measure.runner import Job
from bench.model.case import Case
from bench.model.dataset import Dataset
from bench.model.errors import BenchError
from bench.model.fetch import Fetch
from bench.model.plan import plan
from bench.model.profiles import Block, Profile
from bench.model.workload import FUNCTIONS, WORKLOADS
from bench.results import environment
from bench.server.database import Database, postmaster_pid
from bench.server.drivers import drivers_of
from bench.server.resolution import resolve
from bench.studies.microbench.client import calls_a_round

CONCURRENCY = (1, 16)
STREAMED = tuple(name for name in FUNCTIONS if WORKLOADS[name].streams)
PROFILE = Profile(
    "microbench",
    "every function, for one client and for many",
    (
        Block(FUNCTIONS, concurrency=CONCURRENCY),
        Block(STREAMED, (Fetch("streamed"), Fetch("batched", 1000)), CONCURRENCY),
    ),
    rounds=1,
    seconds=2.0,  # of writes, for which there are arguments: more than a case takes
    warm_up_s=0.0,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--scale", type=float, default=0.1, help="size of gatherbench's dataset (default: 0.1)"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    available = usual(discover())
    for mode in ("sync", "async"):
        if f"{mode}_case" in metafunc.fixturenames:
            cases = [
                case
                for case in plan(PROFILE, available).cases
                if not case.twin
                and (backend := available[case.backend].backend)
                and backend.mode == mode
            ]
            metafunc.parametrize(f"{mode}_case", cases, ids=_id)


def _id(case: Case) -> str:
    return f"{case.workload}-{case.backend}-{case.fetch}-{case.concurrency}"


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    machine_info["node"] = ""  # the name of the machine is private


def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    for benchmark in output_json["benchmarks"]:
        del benchmark["stats"]["data"]  # thirty megabytes that no comparison reads


@dataclass
class Shop:
    """The database with the dataset, and facts about both."""

    database: Database
    held: Lock
    dataset: Dataset
    digest: str
    found: Mapping[str, DiscoveredBackend]
    environment: dict[str, Any]
    described: dict[str, Any]
    """The facts about each backend, and its versions."""
    first_rows: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def backend(self, case: Case) -> AnyBackend:
        backend = self.found[case.backend].backend
        assert backend is not None
        return backend

    def job(self, case: Case) -> Job:
        module = self.found[case.backend].module
        return Job(
            case,
            module,
            self.database.url_for(self.backend(case).driver),
            self.dataset,
            seconds=PROFILE.seconds,
        )

    def describe(self, case: Case, benchmark: Any, first_rows: int) -> None:
        """Add the case and its conditions to the figures, and assert the number of rows."""
        benchmark.extra_info |= {
            "case": case.as_dict(),
            "calls_a_round": case.concurrency * calls_a_round(case),
            "rows_of_first_round": first_rows,
            "dataset": {"scale": self.dataset.scale, "digest": self.digest},
            "environment": self.environment,
            "backend": self.described[case.backend],
        }
        if not self.backend(case).in_memory:
            key = (case.workload, case.concurrency)
            assert first_rows == self.first_rows.setdefault(key, first_rows), "rows differ"

    def put_back(self, case: Case) -> None:
        """Check that the lock is still held, and restore the rows after a write."""
        self.held.check()
        if WORKLOADS[case.workload].writes:
            self.held.run(partial(rows.restore, dataset=self.dataset))


@pytest.fixture(scope="session")
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    bring_into("warmed")
    try:
        dataset = Dataset(request.config.getoption("--scale"))
        found = usual(discover())
        drivers = drivers_of(found.values())
        database = resolve(os.environ.get("DATABASE_URL"), drivers)
        with lock.held(database) as held:
            database.check_capacity(max(CONCURRENCY) + SPARE_CONNECTIONS)
            digest = rows.ensure(held.connection, dataset).digest
            local = postmaster_pid(held.connection) is not None
            around = environment.collect(held.connection, database, local).as_dict()
            described = {n: asdict(facts) for n, facts in environment.describe(found).items()}
            yield Shop(database, held, dataset, digest, found, around, described)
    except BenchError as error:
        pytest.exit(f"error: {error}", returncode=error.exit_code)
