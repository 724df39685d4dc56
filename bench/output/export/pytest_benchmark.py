"""A run in pytest-benchmark's JSON, for its `compare`, its histograms and what else reads it.

What it calls a round is a timing, and so is what we call one: its data are the seconds that one
operation took of each of our rounds, over the whole crowd. `OPS` is then operations a second.
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
    """What `pytest --benchmark-json` would have written; without cases that gave no figures."""
    import pytest_benchmark

    header = results.header
    return {
        "machine_info": _machine(header.environment),
        "commit_info": _commit(header.environment.git),
        "benchmarks": [
            _benchmark(summary, seconds, header)
            for summary in summarise(results)
            if (seconds := _seconds_an_operation(summary))
        ],
        "datetime": header.created_at,
        "version": pytest_benchmark.__version__,
    }


def _seconds_an_operation(summary: Summary) -> list[float]:
    return [1 / each.throughput_per_s for each in summary.rounds if each.throughput_per_s > 0]


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
            "iterations": round(median(each.operations for each in summary.rounds)),
        },
    }


def _stats(seconds: Sequence[float]) -> "Stats":
    from pytest_benchmark.stats import Stats

    stats = Stats()
    for one in seconds:
        stats.update(one)
    return stats


def _extra(summary: Summary, header: Header) -> dict[str, Any]:
    return {
        "operations": summary.operations,
        "errors": dict(summary.errors),
        "latency_ns": {name: found.median for name, found in summary.latency_ns.items()},
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
        "node": "",  # whose machine it is, is in no file of ours
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
