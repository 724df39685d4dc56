"""A user's workload file, measured by `bench run` and `bench streaming`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from accessors import Found
from bench.cli.foreign_code import contained
from bench.cli.measurement import carry_out, command_line, safe_name
from bench.cli.options import named
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.model.profiles import Factors
from bench.model.run_config import RunConfig
from bench.output.terminal.safe_text import echo
from bench.studies.query import measurement
from bench.studies.query.preparation import Asked, reads_of, subjects_of
from bench.studies.query.question import (
    CONCURRENCY,
    ROUNDS,
    SECONDS,
    WARM_UP_S,
    Subject,
    planned,
    taking,
)
from bench.studies.query.room import check_room
from bench.studies.query.workload_file import workloads_in

if TYPE_CHECKING:
    from bench.model.connect import Setting


WORKLOAD_FILE_SCALE = 0.5
"""The rows of the quick profile, which a workload file reads if no database is named."""


def run_workload_file(
    path: Path,
    backends: Mapping[str, Found],
    factors: Factors,
    *,
    named_backends: bool,
    dataset: Dataset,
    database_url: str | None,
    admin_url: str | None,
    rounds: int | None,
    seconds: float | None,
    warm_up_s: float | None,
    label: str,
    out: Path | None,
    timeout_s: float,
    verify: bool,
    guard: bool,
    charts: bool,
    quiet: bool,
) -> None:
    """Verify and measure every workload of the file, or those that `factors` names.

    `named_backends`: whether the user named the backends, so that one that is left out is an error.

    Raises `UsageError` for a file that cannot be measured, and `BenchError` for a failed run.
    """
    wanted = _wanted(path, factors.workloads, timeout_s)
    most = max(factors.concurrency or CONCURRENCY)
    asked = Asked(
        sql="",
        seed=dataset.seed,
        clients=most,
        database_url=database_url,
        admin_url=admin_url,
        dataset=dataset,
        unprotected=True,
        timeout_s=timeout_s,
    )
    subjects = [subject for subject in subjects_of(asked, path) if subject.name in wanted]
    chosen = _taking(path, backends, subjects, named_backends=named_backends)
    concurrency, note = check_room(subjects, factors.fetches, factors.concurrency)
    if note:
        echo(note, err=True)
    config = RunConfig(
        plan=planned(
            subjects,
            chosen,
            replace(factors, workloads=(), concurrency=concurrency),
            rounds=rounds or ROUNDS,
            seconds=seconds or SECONDS,
            warm_up_s=WARM_UP_S if warm_up_s is None else warm_up_s,
        ),
        backends=chosen,
        dataset=dataset,
        label=label,
        verify=verify,
        timeout_s=timeout_s,
        command=command_line(database_url, admin_url=admin_url),
        connect=tuple(map(str, factors.connect)),
        guard=guard,
    )
    carry_out(
        config,
        database_url,
        out,
        name=safe_name(label) if label else safe_name(path.stem),
        quiet=quiet,
        charts=charts,
        admin_url=admin_url,
        measured=partial(measurement.measure, subjects),
    )


def stream_workload_file(
    path: Path,
    backends: Mapping[str, Found],
    reads: Sequence[str],
    settings: "Sequence[Setting]",
    *,
    named_backends: bool,
    quick: bool,
    most_rows: int,
    database_url: str | None,
    admin_url: str | None,
    label: str,
    out: Path | None,
    timeout_s: float,
    charts: bool,
    quiet: bool,
) -> None:
    """Measure the ways of fetching of every read of the file, or of those in `reads`.

    Raises as `run_workload_file`.
    """
    from bench.studies.streaming.own_reads import plan_of_reads
    from bench.studies.streaming.plan import connected

    with contained(timeout_s):
        declared = {read.name for workload in workloads_in(path) for read in workload.reads}
    wanted = named("read", reads, sorted(declared), str(path)) or declared
    asked = Asked(
        sql="",
        database_url=database_url,
        admin_url=admin_url,
        dataset=Dataset(WORKLOAD_FILE_SCALE),
        unprotected=True,
        timeout_s=timeout_s,
    )
    subjects = [subject for subject in reads_of(asked, path) if subject.name in wanted]
    chosen = _taking(path, backends, subjects, named_backends=named_backends)
    sizes = {subject.name: subject.rows for subject in subjects}
    planned_cases = plan_of_reads(sizes, chosen, quick=quick, most_rows=most_rows)
    planned_cases = connected(planned_cases, chosen, settings)
    config = RunConfig(
        plan=planned_cases,
        backends={case.backend: chosen[case.backend] for case in planned_cases.everything},
        dataset=asked.dataset,
        label=label,
        timeout_s=timeout_s,
        command=command_line(database_url, admin_url=admin_url),
        connect=tuple(map(str, settings)),
    )
    carry_out(
        config,
        database_url,
        out,
        name=safe_name(label) if label else f"streaming-{safe_name(path.stem)}",
        quiet=quiet,
        charts=charts,
        admin_url=admin_url,
        measured=partial(measurement.measure, subjects),
    )


def _wanted(path: Path, names: Sequence[str], timeout_s: float) -> list[str]:
    """Return the workloads of the file that are named, or all of them."""
    with contained(timeout_s):
        known = [workload.name for workload in workloads_in(path)]
    return named("workload", names, known, str(path)) or known


def _taking(
    path: Path, backends: Mapping[str, Found], subjects: Sequence[Subject], *, named_backends: bool
) -> dict[str, Found]:
    """Return the backends that take every read; say which ORMs are left out.

    Raises `UsageError` if one that the user named is left out.
    """
    chosen, others = taking(backends, subjects)
    if named_backends and others:
        raise UsageError(
            f"{others[0]} has no form of every read in {path}.\n"
            "Give each read an orm= for it, or choose other backends with --backend."
        )
    for name in (name for name in others if name.startswith("orm")):
        echo(f"left out: {name} (a read has no orm=)", err=True)
    return chosen
