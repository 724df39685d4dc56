"""The files that `--workload-file` names: one of Python, or scripts of pgbench with weights."""

import re
from collections.abc import Sequence
from pathlib import Path

from bench.model.errors import UsageError
from bench.studies.query.declarations import check_workload
from bench.studies.query.script_workload import script_unit, script_workload
from bench.studies.query.workload_file import workloads_in
from bench.workloads import COPY, Workload

BUILT_IN = ("tpcb-like", "simple-update", "select-only")
"""The scripts that pgbench has by name."""

_WEIGHTED = re.compile(r"(.+)@(\d+)")


def workloads_of(named: Sequence[str]) -> tuple[Path, list[Workload]]:
    """Return the first file, and the workloads of all: several scripts are one mix.

    A script may have a weight, as in `pgbench -f read.sql@3`, and may be named as pgbench's own:
    `tpcb-like`. Raises `UsageError` for a file that cannot be measured.
    """
    files = [_file(value) for value in named]
    path, weight = files[0]
    if len(files) == 1 and weight is None:
        return path, workloads_in(path)
    for other, _ in files:
        if other.suffix != ".sql":
            raise UsageError(
                f"{other} is no script of pgbench, and only scripts have weights and are mixed.\n"
                "Give one file of Python, and the weights in its Workload."
            )
    chosen = [(other, 1 if weight is None else weight) for other, weight in files if weight != 0]
    if not chosen:
        raise UsageError("every script has the weight 0.\nGive one a weight of at least 1.")
    if len(chosen) == 1:
        return chosen[0][0], [script_workload(chosen[0][0])]
    units = {script_unit(other): weight for other, weight in chosen}
    names = [unit.name for unit in units]
    if len(set(names)) < len(names):
        raise UsageError(
            f"two scripts are named {max(names, key=names.count)}.\nGive each file its own name."
        )
    writes = not all(unit.script.only_reads for unit in units)
    shares = ", ".join(f"{weight} {unit.name}" for unit, weight in units.items())
    workload = Workload(
        "-and-".join(names)[:100],
        units,
        f"pgbench's scripts by weight: {shares}",
        setup=COPY if writes else None,
    )
    check_workload(chosen[0][0], workload)
    return chosen[0][0], [workload]


def _file(value: str) -> tuple[Path, int | None]:
    """Return the file that a value names, and its weight if it has one."""
    found = _WEIGHTED.fullmatch(value)
    if found and not Path(value).exists():
        path, _ = _file(found[1])
        return path, int(found[2])
    if value in BUILT_IN and not Path(value).exists():
        return Path(__file__).with_name("scripts") / f"{value}.sql", None
    return Path(value), None
