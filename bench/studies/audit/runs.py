"""Claims about real runs: the throughput of long operations, and what a process can do."""

from statistics import fmean, median

from bench.analysis.stats import NS_PER_S, shares_in_window
from bench.analysis.summary import of_case
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.model.window import window_s
from bench.results.entries import Run
from bench.studies.audit.claim import Claim, Laboratory, Outcome

LONG = Case("orm+asyncpg", "get_customers", concurrency=8)
SHORT_S = 0.05
TRUE_S = 20.0
"""Seconds of windows whose throughput is the truth, half before and half after the others."""
CHANCE = 1.2
"""The ratio that rounds some seconds apart may have on a machine with other programs."""
ROUNDS = 3
CASES = (
    Case("asyncpg", POINT_READ, concurrency=16),
    Case("psycopg2", POINT_READ, concurrency=16, loop="none"),
    LONG,
    Case("orm+psycopg2", "get_customers", concurrency=8, loop="none"),
)


def _before(run: Run) -> float:
    """Return a run's throughput by the former rule: the share of each operation in the window."""
    shares = shares_in_window(run.samples.start_ns, run.samples.duration_ns, run.window_ns)
    return float(shares.sum()) * NS_PER_S / run.window_ns


def _long_operations(laboratory: Laboratory) -> Outcome:
    first = laboratory.run(LONG, TRUE_S / 2)
    short = [laboratory.run(LONG, SHORT_S, number=number) for number in range(ROUNDS)]
    latency_s = median(run.elapsed_ns for run in short) / NS_PER_S
    seconds = window_s(latency_s, SHORT_S, LONG.concurrency)
    longer = [laboratory.run(LONG, seconds, number=number) for number in range(ROUNDS)]
    last = laboratory.run(LONG, TRUE_S / 2)
    truth = fmean(of_case(LONG, [run], [], []).median_per_s for run in (first, last))
    in_short, in_longer = (of_case(LONG, runs, [], []) for runs in (short, longer))
    shown = in_longer.median_per_s
    least, most = in_short.throughput_bounds_per_s or (0.0, 0.0)
    return Outcome(
        truth=f"{truth:.2f} operations/s in {TRUE_S:g} s",
        measured=f"{least:.2f} to {most:.2f}, marked, in {SHORT_S:g} s; {shown:.2f} in"
        f" {seconds:.2g} s" + ("" if in_longer.throughput_certain else ", marked"),
        before=f"{median(map(_before, short)):.2f} in {SHORT_S:g} s",
        holds=not in_short.throughput_certain
        and least / CHANCE <= truth <= most * CHANCE
        and 1 / CHANCE <= shown / truth <= CHANCE,
    )


def _one_core(laboratory: Laboratory) -> Outcome:
    now, before, really = [], [], []
    for case in CASES:
        runs = [laboratory.run(case, SHORT_S, number=number) for number in range(ROUNDS)]
        summary = of_case(case, runs, [], [])
        cpu_ns = summary.client_cpu_ns.median if summary.client_cpu_ns else 0.0
        now.append(summary.median_per_s * cpu_ns / NS_PER_S)
        before.append(median(map(_before, runs)) * cpu_ns / NS_PER_S)
        really.append(median(run.client_cpu_ns / run.elapsed_ns for run in runs))
    return Outcome(
        truth="at most 1 core, or what the process really used",
        measured=", ".join(f"{cores:.2f}" for cores in now) + " cores",
        before=", ".join(f"{cores:.2f}" for cores in before),
        holds=all(cores <= 1.05 * max(1.0, used) for cores, used in zip(now, really, strict=True)),
    )


CLAIMS = (
    Claim(
        "throughput-long-operations",
        "Throughput of real operations longer than their window is bounded, and right in a longer"
        " window.",
        f"{LONG.title}: rounds of {SHORT_S:g} s, and of the window for ten operations of each"
        f" client, up to 2 s; the truth is from {TRUE_S:g} s of windows, within {CHANCE:g}",
        measure=_long_operations,
    ),
    Claim(
        "throughput-one-core",
        "Throughput x client CPU for an operation is no more than one core.",
        "real rounds of 50 ms: " + "; ".join(case.title for case in CASES),
        measure=_one_core,
    ),
)
