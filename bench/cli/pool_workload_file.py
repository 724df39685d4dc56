"""A workload of the user's own file, measured by `bench pool`."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from accessors import DiscoveredBackend
from bench.cli.measurement import carry_out, command_line, safe_name
from bench.cli.workload_file import WORKLOAD_FILE_SCALE, Place, declared_in, one_of, opened
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.model.run_config import Pin, RunConfig
from bench.output.terminal.safe_text import echo
from bench.studies.pool.plan import plan
from bench.studies.query import measurement

if TYPE_CHECKING:
    from bench.model.profiles import Profile
    from bench.studies.pool.plan import Asked


def pool_workload_file(
    path: Path,
    workload: str | None,
    profile: "Profile",
    backends: Mapping[str, DiscoveredBackend],
    asked: "Asked",
    *,
    named_backends: bool,
    database_url: str | None,
    admin_url: str | None,
    label: str,
    out: Path | None,
    timeout_s: float,
    pin: Pin,
    charts: bool,
    quiet: bool,
) -> None:
    """Measure pools with one workload of reads of the file.

    No PgBouncer is put between: it would not pass on the settings of these sessions. Raises
    `UsageError` for a file or workload that cannot be measured, and `BenchError` for a failed run.
    """
    path, declared = declared_in([str(path)], timeout_s)
    chosen = one_of(path, declared, workload, "bench pool")
    if chosen.units:
        raise UsageError(
            f"{chosen.name} has units of work, and bench pool measures reads.\n"
            "Choose a workload of reads with --workload, or measure it with bench run."
        )
    dataset = Dataset(WORKLOAD_FILE_SCALE)
    place = Place(backends, named_backends, dataset, database_url, admin_url, timeout_s)
    with opened(
        path, [chosen], place, clients=max(asked.concurrency), files=[str(path)]
    ) as opening:
        subjects, taken = opening
        planned = plan(profile, taken, replace(asked, workload=chosen.name, pgbouncer=None))
        for reason in planned.left_out(taken):
            echo(f"left out: {reason}", err=True)
        config = RunConfig(
            plan=planned,
            backends={case.backend: taken[case.backend] for case in planned.probes["pool waits"]},
            dataset=dataset,
            label=label,
            timeout_s=timeout_s,
            pin=pin,
            command=command_line(database_url, admin_url=admin_url),
            connect=tuple(str(setting) for setting in asked.connect),
        )
        carry_out(
            config,
            database_url,
            out,
            name=safe_name(label) if label else f"pool-{safe_name(path.stem)}",
            quiet=quiet,
            charts=charts,
            admin_url=admin_url,
            measured=partial(measurement.measure, subjects),
        )
