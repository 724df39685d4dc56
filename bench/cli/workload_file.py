"""`bench run --workload-file`: measure the workloads of a user's own file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

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
from bench.studies.query.preparation import Asked
from bench.studies.query.question import (
    CONCURRENCY,
    ROUNDS,
    SECONDS,
    WARM_UP_S,
    Subject,
    planned,
    taking,
)
from bench.studies.query.subjects import subjects_of
from bench.studies.query.workload_file import workloads_in


def run_workload_file(
    path: Path,
    backends: Mapping[str, Found],
    factors: Factors,
    *,
    named_backends: bool,
    dataset: Dataset,
    database_url: str | None,
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
    with contained(timeout_s):
        declared = workloads_in(path)
    names = [workload.name for workload in declared]
    wanted = named("workload", factors.workloads, names, str(path)) or names
    chosen = [workload for workload in declared if workload.name in wanted]
    if factors.transactions and any(workload.units for workload in chosen):
        raise UsageError(
            "--transactions is not for units of work, which begin and end their own.\n"
            "Leave it out, or choose a workload of reads with --workload."
        )
    if factors.rates and any(workload.think_s for workload in chosen):
        raise UsageError(
            "--rate is not for a workload with think_s: a rate says when operations arrive.\n"
            "Leave it out, or choose another workload with --workload."
        )
    asked = Asked(
        sql="",
        seed=dataset.seed,
        clients=max(factors.concurrency or CONCURRENCY),
        database_url=database_url,
        dataset=dataset,
        timeout_s=timeout_s,
    )
    with subjects_of(asked, path, chosen) as subjects:
        taken = _taken(path, subjects, backends, named_backends=named_backends)
        config = RunConfig(
            plan=planned(
                subjects,
                taken,
                replace(factors, workloads=()),
                rounds=rounds or ROUNDS,
                seconds=seconds or SECONDS,
                warm_up_s=WARM_UP_S if warm_up_s is None else warm_up_s,
            ),
            backends=taken,
            dataset=dataset,
            label=label,
            verify=verify,
            timeout_s=timeout_s,
            command=command_line(database_url),
            guard=guard,
        )
        carry_out(
            config,
            database_url,
            out,
            name=safe_name(label) if label else safe_name(path.stem),
            quiet=quiet,
            charts=charts,
            measured=partial(measurement.measure, subjects),
        )


def _taken(
    path: Path,
    subjects: Sequence[Subject],
    backends: Mapping[str, Found],
    *,
    named_backends: bool,
) -> dict[str, Found]:
    """Return the backends that take one of the workloads. Raises `UsageError` if none does."""
    taken, others = taking(backends, subjects)
    if not taken or (named_backends and others):
        missing = others[0] if others else "no backend"
        raise UsageError(
            f"{missing} has no form of every read, or no function of every unit, in {path}.\n"
            "Give each read an orm= for it and each unit a function, or choose other backends with"
            " --backend."
        )
    if any(not subject.units for subject in subjects):
        for name in (name for name in others if name.startswith("orm")):
            echo(f"left out: {name} (a read has no orm=)", err=True)
    return taken
