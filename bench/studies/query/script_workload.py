"""A script of pgbench as a workload."""

from pathlib import Path

from bench.workloads import Workload


def script_workload(path: Path) -> Workload:
    raise NotImplementedError
