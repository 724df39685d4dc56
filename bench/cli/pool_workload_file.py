"""A workload of the user's own file, measured by `bench pool`."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from accessors import DiscoveredBackend
from bench.cli.foreign_code import contained
from bench.cli.measurement import carry_out, command_line, safe_name
from bench.cli.options import named
from bench.cli.workload_file import WORKLOAD_FILE_SCALE, taken_backends
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.model.run_config import RunConfig
from bench.output.terminal.safe_text import echo
from bench.studies.pool.plan import plan
from bench.studies.query import measurement
from bench.studies.query.preparation import Asked as AskedQuestions
from bench.studies.query.subjects import subjects_of
from bench.studies.query.workload_file import workloads_in

if TYPE_CHECKING:
    from bench.model.profiles import Profile
    from bench.studies.pool.plan import Asked
    from bench.workloads import Workload


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
    charts: bool,
    quiet: bool,
) -> None:
    """Measure pools with one workload of reads of the file.

    No PgBouncer is put between: it would not pass on the settings of these sessions. Raises
    `UsageError` for a file or workload that cannot be measured, and `BenchError` for a failed run.
    """
    with contained(timeout_s):
        declared = workloads_in(path)
    chosen = _chosen(path, declared, workload)
    questions = AskedQuestions(
        sql="",
        clients=max(asked.concurrency),
        database_url=database_url,
        admin_url=admin_url,
        dataset=Dataset(WORKLOAD_FILE_SCALE),
        unprotected=True,
        timeout_s=timeout_s,
    )
    with subjects_of(questions, path, [chosen]) as subjects:
        taken = taken_backends(path, subjects, backends, named_backends=named_backends)
        planned = plan(profile, taken, replace(asked, workload=chosen.name, pgbouncer=None))
        for reason in planned.left_out(taken):
            echo(f"left out: {reason}", err=True)
        config = RunConfig(
            plan=planned,
            backends={case.backend: taken[case.backend] for case in planned.probes["pool waits"]},
            dataset=questions.dataset,
            label=label,
            timeout_s=timeout_s,
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


def _chosen(path: Path, declared: "list[Workload]", name: str | None) -> "Workload":
    """Return the workload of this name, or the only one. Raises `UsageError`."""
    names = [workload.name for workload in declared]
    if name is None and len(declared) > 1:
        raise UsageError(
            f"{path} declares {len(declared)} workloads, and bench pool measures one.\n"
            f"Choose it with --workload: {', '.join(names)}."
        )
    (wanted,) = named("workload", [name or names[0]], names, str(path))
    chosen = next(workload for workload in declared if workload.name == wanted)
    if chosen.units:
        raise UsageError(
            f"{wanted} has units of work, and bench pool measures reads.\n"
            "Choose a workload of reads with --workload, or measure it with bench run."
        )
    return chosen
