"""A run in the JSON format of pytest-benchmark, for its `compare` and its histograms.

A round of pytest-benchmark is one timing. Here, each of our rounds gives one timing: the seconds of
the round divided by the operations of all clients. `OPS` is then operations per second.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.analysis.summary import Summary, summarise
from bench.results.file import Results
from bench.results.header import Environment, Git, Header

if TYPE_CHECKING:
    from pytest_benchmark.stats import Stats


def as_json(results: Results) -> dict[str, Any]:
    """Return the document that `pytest --benchmark-json` would write, without cases that failed."""
    import pytest_benchmark

    header = results.header
    return {
        "machine_info": _machine(header.environment),
        "commit_info": _commit(header.environment.git),
        "benchmarks": [
            _benchmark(summary, seconds, header)
            for summary in summarise(results)
            if (seconds := _seconds_per_operation(summary))
        ],
        "datetime": header.created_at,
        "version": pytest_benchmark.__version__,
    }


def _seconds_per_operation(summary: Summary) -> list[float]:
    return [1 / round_.throughput_per_s for round_ in summary.rounds if round_.throughput_per_s > 0]


def _benchmark(summary: Summary, seconds: Sequence[float], header: Header) -> dict[str, Any]:
    case = summary.case
    group = replace(case, backend="", loop="asyncio").title.removeprefix(", ")
    return {
        "group": group,
        "name": f"{case.workload}[{case.title.replace(f', {case.workload}', '', 1)}]",
        "fullname": case.key,
        "params": case.as_dict(),
        "param": case.backend,
        "extra_info": _extra(summary, header),
        "options": {},
        "stats": {
            **_stats(seconds).as_dict(),
            "data": list(seconds),
            "iterations": round(median(round_.operations for round_ in summary.rounds)),
        },
    }


def _stats(seconds: Sequence[float]) -> "Stats":
    from pytest_benchmark.stats import Stats

    stats = Stats()
    for duration in seconds:
        stats.update(duration)
    return stats


def _extra(summary: Summary, header: Header) -> dict[str, Any]:
    return {
        "operations": summary.operations,
        "errors": dict(summary.errors),
        "latency_ns": {name: interval.median for name, interval in summary.latency_ns.items()},
        "client_cpu_ns": summary.client_cpu_ns.median if summary.client_cpu_ns else None,
        "peak_memory_bytes": summary.peak_memory_bytes,
        "dataset": asdict(header.dataset),
        "server": asdict(header.environment.server),
        "packages": header.backend(summary.case.backend).versions,
    }


def _machine(environment: Environment) -> dict[str, Any]:
    host = environment.host
    system, _, release = (host.system or "").partition(" ")
    return {
        "node": "",  # results files do not contain the name of the machine
        "processor": host.cpu,
        "machine": host.machine,
        "python_implementation": environment.implementation,
        "python_version": environment.python,
        "system": system,
        "release": release,
        "cpu": {"brand_raw": host.cpu, "count": host.cores},
    }


def _commit(git: Git | None) -> dict[str, Any]:
    git = git or Git(revision="unversioned")
    return {"id": git.revision, "dirty": git.changed, "project": "gatherbench"}
