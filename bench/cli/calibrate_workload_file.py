"""A workload of the user's own file, whose equal and slowed cases `bench calibrate` measures."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bench.cli.workload_file import Place, declared_in, one_of, opened
from bench.model.case import Case
from bench.model.plan import Plan
from bench.model.profiles import Profile
from bench.server.drivers import drivers_of
from bench.server.resolution import resolve
from bench.studies.calibration.calibrate import EQUAL, CalibrationConfig, OwnWorkload
from bench.studies.query.verification import verification
from bench.system.limits import check_open_files


@contextmanager
def calibration_of_file(
    files: Sequence[str], workload: str | None, setting: CalibrationConfig, place: Place
) -> Iterator[tuple[CalibrationConfig, Callable[[], None]]]:
    """Give the calibration of one workload of the file, and a check that the server is there.

    Its backend is psycopg2, or the first of `place` that takes the workload. What it answers is
    verified before. Databases that are made are dropped at the end. Raises `UsageError` for a file
    or workload that cannot be measured, and `BenchError` if an answer differs.
    """
    path, declared = declared_in(files, place.options.timeout_s)
    chosen = one_of(path, declared, workload, "bench calibrate")
    with opened(path, [chosen], place, clients=setting.concurrency, files=files) as opening:
        (subject,), taken = opening
        backend = EQUAL if EQUAL in taken else next(iter(taken))
        found = taken[backend].backend
        assert found is not None
        loop: Any = "none" if found.mode == "sync" else "asyncio"
        case = Case(backend, chosen.name, concurrency=setting.concurrency, loop=loop)
        only = {backend: taken[backend]}
        profile = Profile("query", "", (), setting.rounds, setting.seconds, setting.warm_up_s)
        config = place.options.config(
            plan=Plan(profile, (case,)),
            backends=only,
            dataset=place.dataset,
        )
        drivers = drivers_of(only.values())
        database = resolve(place.options.database_url, drivers, admin_url=place.options.admin_url)
        check_open_files(setting.concurrency)
        database.check_capacity(setting.concurrency + 1)
        with verification([subject], config, database) as checks:
            checks.check_all()
            own = OwnWorkload(
                case,
                subject.functions,
                lambda case, number: checks.jobs.of(case, number),
                subject.kept.restore if subject.kept else None,
                renewed=subject.kept is not None and subject.kept.changes == "renewed",
            )
            yield replace(setting, own=own), checks.lock.check
