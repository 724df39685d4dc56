"""A user's workload file, measured by `bench run`."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.analysis.stopping import Stopping
from bench.cli.budget_options import within
from bench.cli.workload_file import (
    Place,
    check_cluster,
    check_rates,
    check_transactions,
    chosen_of,
    declared_in,
    opened,
)
from bench.model.plan import with_enough_sets
from bench.model.profiles import Factors
from bench.output.terminal.safe_text import echo
from bench.studies.query import measurement
from bench.studies.query.planning import CONCURRENCY, WARM_UP_S, planned
from bench.studies.query.question import Subject
from bench.studies.query.room import check_room


def run_workload_file(
    files: Sequence[str],
    place: Place,
    factors: Factors,
    *,
    rounds: int | None,
    budget_s: float | None,
    seconds: float | None,
    warm_up_s: float | None,
    verify: bool,
    guard: bool,
    scheduler: str,
) -> None:
    """Verify and measure every workload of the file, or those that `factors` names.

    `files`: a file of Python, or scripts of pgbench, each with its weight if it has one.

    Raises `UsageError` for a file that cannot be measured, and `BenchError` for a failed run.
    """
    path, declared = declared_in(files, place.options.timeout_s)
    chosen = chosen_of(path, declared, factors.workloads)
    if factors.transactions:
        check_transactions(chosen)
    if factors.rates:
        check_rates(chosen, "--rate")
    if scheduler:
        check_cluster(chosen)
    clients = max(factors.concurrency or CONCURRENCY)
    with opened(path, chosen, place, clients=clients, files=files) as (subjects, taken):
        concurrency, note = check_room(subjects, factors.fetches, factors.concurrency)
        if note:
            echo(note, err=True)
        asked_for = planned(
            subjects,
            taken,
            replace(factors, workloads=(), concurrency=concurrency),
            rounds=rounds,
            seconds=seconds,
            warm_up_s=WARM_UP_S if warm_up_s is None else warm_up_s,
        )
        stopping = None
        if budget_s is not None:
            _warn_of_renewals(path, subjects)
            asked_for = within(asked_for, budget_s, seconds)
            stopping = Stopping(asked_for.cases)
        else:
            asked_for = with_enough_sets(asked_for)
        config = place.options.config(
            asked_for,
            taken,
            place.dataset,
            budget_s=budget_s,
            verify=verify,
            connect=factors.connect,
            guard=guard,
            scheduler=scheduler,
        )
        place.options.carry_out(
            config,
            path.stem,
            stopping=stopping,
            measured=partial(measurement.measure, subjects, stopping=stopping),
        )


def _warn_of_renewals(path: Path, subjects: Sequence[Subject]) -> None:
    """Say which workloads spend a budget on new databases and not on operations."""
    for subject in subjects:
        if subject.kept and subject.kept.changes == "renewed":
            echo(
                f"warning: {subject.name} makes its database again after each turn, which can take"
                f" most of --budget: give it restore= in {path}",
                err=True,
            )
