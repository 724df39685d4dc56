"""`bench run --workload-file`: measure the workloads of a user's own file."""

from collections.abc import Mapping
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
from bench.studies.query.preparation import Asked, subjects_of
from bench.studies.query.question import CONCURRENCY, ROUNDS, SECONDS, WARM_UP_S, planned, taking
from bench.studies.query.workload_file import workloads_in


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
    with contained(timeout_s):
        workloads = workloads_in(path)
    known = [workload.name for workload in workloads]
    wanted = named("workload", factors.workloads, known, str(path)) or known
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
    chosen, others = taking(backends, subjects)
    if named_backends and others:
        raise UsageError(
            f"{others[0]} has no form of every read in {path}.\n"
            "Give each read an orm= for it, or choose other backends with --backend."
        )
    for name in (name for name in others if name.startswith("orm")):
        echo(f"left out: {name} (a read has no orm=)", err=True)
    config = RunConfig(
        plan=planned(
            subjects,
            chosen,
            replace(factors, workloads=()),
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
