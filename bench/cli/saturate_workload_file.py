"""A workload of the user's own file, whose highest arrival rate `bench saturate` searches."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.measurement import carry_out, command_line, safe_name
from bench.cli.workload_file import (
    Place,
    check_cluster,
    check_rates,
    check_transactions,
    declared_in,
    one_of,
    opened,
)
from bench.model.run_config import Pin, RunConfig
from bench.output.terminal.safe_text import echo
from bench.studies.query import measurement
from bench.studies.saturation.plan import plan

if TYPE_CHECKING:
    from bench.execution.progress_listener import ProgressListener
    from bench.model.case import Case
    from bench.model.profiles import Profile
    from bench.results.file import Recorder
    from bench.server.database import Database
    from bench.studies.query.question import Subject
    from bench.studies.saturation.measurement import SearchTask


def saturate_workload_file(
    files: Sequence[str],
    workload: str | None,
    profile: "Profile",
    case: "Case",
    asked: "SearchTask",
    place: Place,
    *,
    own_transactions: bool,
    label: str,
    out: Path | None,
    charts: bool,
    quiet: bool,
    pin: Pin,
    scheduler: str = "",
) -> None:
    """Search the highest rate of one workload of the file on each backend that takes it.

    `case`: every factor but the backend and the workload. `own_transactions`: whether the user
    chose the transactions of reads. Raises `UsageError` for a file or workload that cannot be
    measured, and `BenchError` for a failed run.
    """
    path, declared = declared_in(files, place.timeout_s)
    chosen = one_of(path, declared, workload, "bench saturate")
    check_rates([chosen], "bench saturate")
    if own_transactions:
        check_transactions([chosen])
    if scheduler:
        check_cluster([chosen])
    with opened(path, [chosen], place, clients=case.concurrency, files=files) as opening:
        subjects, taken = opening
        planned = plan(profile, taken, replace(case, workload=chosen.name))
        for reason in planned.left_out(taken):
            echo(f"left out: {reason}", err=True)
        config = RunConfig(
            plan=planned,
            backends={case.backend: taken[case.backend] for case in planned.cases},
            dataset=place.dataset,
            label=label,
            timeout_s=place.timeout_s,
            command=command_line(place.database_url, admin_url=place.admin_url),
            pin=pin,
            scheduler=scheduler,
        )
        carry_out(
            config,
            place.database_url,
            out,
            name=safe_name(label) if label else f"{profile.name}-{safe_name(path.stem)}",
            quiet=quiet,
            charts=charts,
            admin_url=place.admin_url,
            measured=partial(_measure, subjects, asked),
        )


def _measure(
    subjects: "Sequence[Subject]",
    asked: "SearchTask",
    config: RunConfig,
    database: "Database",
    recorder: "Recorder",
    listener: "ProgressListener",
) -> None:
    config = asked.fitted(config)
    searches = asked.searches(config)
    measurement.measure(
        subjects, config, database, recorder, listener, stopping=searches, turns=searches.turns
    )
