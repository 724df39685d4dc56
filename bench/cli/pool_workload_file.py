"""A workload of the user's own file, measured by `bench pool`."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.measurement import tell_left_out
from bench.cli.workload_file import Place, declared_in, one_of, opened
from bench.model.errors import UsageError
from bench.studies.pool.plan import plan
from bench.studies.query import measurement

if TYPE_CHECKING:
    from bench.model.profiles import Profile
    from bench.studies.pool.plan import Asked


def pool_workload_file(
    file: Path, workload: str | None, profile: "Profile", place: Place, asked: "Asked"
) -> None:
    """Measure pools with one workload of reads of the file.

    No PgBouncer is put between: it would not pass on the settings of these sessions. Raises
    `UsageError` for a file or workload that cannot be measured, and `BenchError` for a failed run.
    """
    files = [str(file)]
    path, declared = declared_in(files, place.options.timeout_s)
    chosen = one_of(path, declared, workload, "bench pool")
    if chosen.units:
        raise UsageError(
            f"{chosen.name} has units of work, and bench pool measures reads.\n"
            "Choose a workload of reads with --workload, or measure it with bench run."
        )
    with opened(path, [chosen], place, clients=max(asked.concurrency), files=files) as opening:
        subjects, taken = opening
        planned = plan(profile, taken, replace(asked, workload=chosen.name, pgbouncer=None))
        tell_left_out(planned, taken)
        config = place.options.config(
            planned,
            {case.backend: taken[case.backend] for case in planned.probes["pool waits"]},
            place.dataset,
            connect=asked.connect,
        )
        place.options.carry_out(
            config,
            f"pool-{path.stem}",
            measured=partial(measurement.measure, subjects),
        )
