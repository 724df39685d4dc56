"""A workload of the user's own file, whose highest arrival rate `bench saturate` searches."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bench.cli.measurement import tell_left_out
from bench.cli.workload_file import (
    Place,
    check_cluster,
    check_rates,
    check_transactions,
    declared_in,
    one_of,
    opened,
)
from bench.model.run_config import RunConfig
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
    scheduler: str,
) -> None:
    """Search the highest rate of one workload of the file on each backend that takes it.

    `case`: every factor but the backend and the workload. `own_transactions`: whether the user
    chose the transactions of reads. Raises `UsageError` for a file or workload that cannot be
    measured, and `BenchError` for a failed run.
    """
    path, declared = declared_in(files, place.options.timeout_s)
    chosen = one_of(path, declared, workload, "bench saturate")
    check_rates([chosen], "bench saturate")
    if own_transactions:
        check_transactions([chosen])
    if scheduler:
        check_cluster([chosen])
    with opened(path, [chosen], place, clients=case.concurrency, files=files) as opening:
        subjects, taken = opening
        planned = plan(profile, taken, replace(case, workload=chosen.name))
        tell_left_out(planned, taken)
        config = place.options.config(
            planned,
            {case.backend: taken[case.backend] for case in planned.cases},
            place.dataset,
            scheduler=scheduler,
        )
        place.options.carry_out(
            config,
            f"{profile.name}-{path.stem}",
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
