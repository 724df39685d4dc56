"""Results that look like a quick run, made without a database: for the tests of what draws them."""

from array import array
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from accessors import BUILTIN, EXTRAS
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.results.entries import Memory, Run
from bench.results.file import Results
from bench.results.header import (
    NOT_DESCRIBED,
    BackendFacts,
    DatasetFacts,
    Environment,
    Header,
    Host,
    Server,
)
from bench.results.samples import Samples

POINT = "get_total_cost_of_an_order"
MANY = "get_customers"
ROWS = 10_000

BACKENDS: dict[str, BackendFacts] = {
    name: BackendFacts(
        colour="async" if "async" in name else "sync",
        layer="null" if "null" in name else name.split("+")[0] if "+" in name else "driver",
        driver=name.split("+")[-1].removesuffix("-async"),
    )
    for name in BUILTIN
    if name not in EXTRAS
}

_CPU_US = {"driver": 60.0, "core": 210.0, "orm": 330.0, "null": 4.0}
"""Client CPU of a point read; the driver adds its own share below."""
_DRIVER = {"asyncpg": 0.7, "psycopg2": 0.8, "psycopg": 1.6, "null": 1.0}
_ROW_US = {"driver": 1.4, "core": 2.4, "orm": 24.0, "null": 0.01}


ENVIRONMENT = Environment(
    host=Host(
        machine="x86_64",
        cpu="AMD EPYC 9R14",
        cores=2,
        memory_bytes=8_000_000_000,
        system="Linux 6.1",
    ),
    python="3.11.7",
    packages={
        "asyncpg": "0.32.0",
        "psycopg": "3.3.9",
        "psycopg2-binary": "2.9.13",
        "sqlalchemy": "2.1.9",
    },
    server=Server(version="18.0", transport="unix socket"),
)


def header(plan: list[Case], rounds: int = 3, seconds: float = 0.2, **changes: Any) -> Header:
    made = Header(
        plan=tuple(plan),
        profile="quick",
        created_at="2026-11-22T18:00:00+00:00",
        rounds=rounds,
        seconds=seconds,
        backends=BACKENDS,
        environment=ENVIRONMENT,
        dataset=DatasetFacts(scale=1.0, seed=7, digest="d"),
    )
    return replace(made, **changes)


def operation_us(case: Case, backends: dict[str, BackendFacts] = BACKENDS) -> tuple[float, float]:
    """Client CPU of an operation and its latency when alone."""
    about = backends[case.backend]
    layer, driver, mode = about.layer or "", about.driver or "", about.colour
    factor = _DRIVER.get(driver, 1.2) * (1.3 if mode == "async" else 1.0)
    cpu = _CPU_US.get(layer, 150.0) * factor
    server = 0.0 if layer == "null" else 45.0
    if case.workload == MANY:
        each = _ROW_US.get(layer, 5.0) * factor
        if case.fetch.mode == "streamed" and mode == "async" and layer == "core":
            each *= 5
        if case.fetch.mode == "batched":
            each *= 0.8
        cpu += each * ROWS
    if case.workload == "mixed":
        cpu, server = cpu * 1.6, server * 4
    if case.session_scope == "operation" and layer != "null":
        cpu, server = cpu * 1.4, server + (60 if driver == "asyncpg" else 0)
    if case.transactions == "implicit" and layer != "null":
        cpu, server = cpu * 1.5, server + 90
    return cpu, cpu + server


def run(case: Case, number: int, seconds: float, random: Random, most: int = 400) -> Run:
    """A round of the case: a queue of workers that share the client's CPU."""
    factor = random.gauss(1, 0.03)
    cpu_us, alone_us = (value * factor for value in operation_us(case))
    window_ns = int(seconds * 1e9)
    each_us = max(alone_us, cpu_us * case.concurrency)
    count = int(min(most / case.concurrency, window_ns / 1e3 / each_us)) + 1
    each_ns = each_us * 1e3
    # A shorter window, so that figures stay true however few samples stand for them.
    window_ns = min(window_ns, int(each_ns * count))
    streamed = case.fetch.mode != "buffered"
    late = (
        BACKENDS.get(case.backend, NOT_DESCRIBED).layer == "orm" and case.fetch.batch_size is None
    )
    samples = Samples()
    for worker in range(case.concurrency):
        clock = int(random.random() * 1000)
        for _ in range(count):
            if clock >= window_ns:
                break
            took = int(each_ns * random.lognormvariate(0, 0.25))
            samples.start_ns.append(clock)
            samples.duration_ns.append(took)
            samples.rows.append(ROWS if case.workload == MANY else 1)
            samples.worker.append(worker)
            if streamed:
                samples.first_row_ns.append(int(took * (0.85 if late else 0.03)))
            clock += took
    return Run(
        case=case,
        round=number,
        started_at="2026-11-22T18:00:01+00:00",
        window_ns=window_ns,
        samples=samples,
        client_cpu_ns=int(cpu_us * 1e3 * len(samples)),
        server_cpu_ns=int(45e3 * len(samples)),
        elapsed_ns=window_ns,
        loop_stall_max_ns=3_000_000 if "async" in case.backend else None,
        loop_stall_p99_ns=1_000_000 if "async" in case.backend else None,
        fewest_operations=count - 1,
        most_operations=count,
    )


def constant_run(
    case: Case, number: int, duration_ns: int, window_ns: int = 1_000_000_000, **changes: Any
) -> Run:
    """One worker whose operations all take `duration_ns`, the last of them past the deadline."""
    count = -(-window_ns // duration_ns)
    samples = Samples(
        start_ns=array("q", [duration_ns * index for index in range(count)]),
        duration_ns=array("q", [duration_ns] * count),
        rows=array("q", [1] * count),
        worker=array("q", [0] * count),
    )
    fields: dict[str, Any] = {
        "case": case,
        "round": number,
        "started_at": "2026-11-22T18:00:01+00:00",
        "window_ns": window_ns,
        "samples": samples,
        "client_cpu_ns": 1_000 * count,
        "server_cpu_ns": None,
        "elapsed_ns": duration_ns * count,
        "loop_stall_max_ns": None,
        "loop_stall_p99_ns": None,
        "fewest_operations": count,
        "most_operations": count,
    }
    return Run(**fields | changes)


def quick_plan(backends: list[str] | None = None) -> list[Case]:
    """The quick profile's cases."""
    names = backends or list(BACKENDS)
    plan = [Case(name, POINT, concurrency=n) for n in (1, 4, 16) for name in names]
    plan += [Case(name, POINT, Fetch(), 4, "operation") for name in names]
    plan += [
        Case(name, POINT, Fetch(), 4, "operation", "implicit")
        for name in names
        if name != "asyncpg"
    ]
    plan += [
        Case(name, MANY, fetch)
        for name in names
        for fetch in (Fetch(), Fetch("streamed"), Fetch("batched", 1000))
    ]
    return plan + [Case(name, "mixed", concurrency=16) for name in names]


def results(
    folder: Path, plan: list[Case] | None = None, rounds: int = 3, **changes: Any
) -> Results:
    """Results of the plan (the quick profile's by default), the same at every call."""
    plan = quick_plan() if plan is None else plan
    plan = [
        replace(case, loop="none") if BACKENDS[case.backend].colour == "sync" else case
        for case in plan
    ]
    random = Random(7)
    made = Results(folder, header(plan, rounds, **changes))
    for number in range(1, rounds + 1):
        made.runs += [run(case, number, 0.2, random) for case in plan]
    for case in plan:
        if case.workload == MANY:
            bytes_a_row = 2_300 if "orm" in case.backend else 300
            whole = case.fetch.mode == "buffered" or (
                "orm" in case.backend and case.fetch.batch_size is None
            )
            peak = bytes_a_row * (ROWS if whole else 400)
            made.memory.append(Memory(case, 0 if "null" in case.backend else peak, ROWS))
    return made


def of_durations(folder: Path, durations_ns: dict[Case, list[int]]) -> Results:
    """A round for each duration: of operations that all take so long."""
    runs = [
        constant_run(case, number, duration_ns)
        for case, durations in durations_ns.items()
        for number, duration_ns in enumerate(durations, start=1)
    ]
    return Results(folder, header(list(durations_ns)), runs)
