"""What the figures are the limit of: interpreter, machine, event loop, harness."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from bench import stats
from bench.case import Case
from bench.entries import Run
from bench.findings.finding import Finding, cases, listed, rounds, share
from bench.results import Results
from bench.stats import Interval
from bench.subject import Subject
from bench.summary import Summary
from bench.units import TIMES, with_unit

TOPIC = "What limits these figures"
BUSY = 0.9
"""Of the time: in every round, before we call a processor the limit."""
STALL_NS = 50_000_000


def findings(results: Results, subject: Subject) -> Iterator[Finding]:
    yield from _client_cpu(results, subject)
    yield from _all_cores(results, subject)
    yield from _stalls(subject)
    yield from _noise(subject)
    yield from _floor(subject)


def _client_cpu(results: Results, subject: Subject) -> Iterator[Finding]:
    busy = _shares(results, subject, lambda run: run.client_cpu_ns / run.elapsed_ns)
    if busy:
        sentence = (
            f"Client CPU was {_range(busy)} busy in {cases(len(busy))} ({_backends(busy)}): these "
            "figures are the interpreter's limit, not the database's."
        )
        yield Finding(TOPIC, sentence, _weakest(busy, "client CPU time over time"), tuple(busy))


def _all_cores(results: Results, subject: Subject) -> Iterator[Finding]:
    host = (results.header.get("environment") or {}).get("host") or {}
    cores = host.get("cores")
    if not cores:
        return

    def used(run: Run) -> float | None:
        if run.server_cpu_ns is None:
            return None
        return (run.client_cpu_ns + run.server_cpu_ns) / (run.elapsed_ns * int(cores))

    busy = _shares(results, subject, used)
    if busy:
        sentence = (
            f"Client and server together kept all {cores} cores {_range(busy)} busy in "
            f"{cases(len(busy))} ({_backends(busy)}): their throughput ends where the machine "
            "does."
        )
        yield Finding(TOPIC, sentence, _weakest(busy, "CPU time over time and cores"), tuple(busy))


def _stalls(subject: Subject) -> Iterator[Finding]:
    """Of each workload, the case that kept everybody else waiting longest."""
    for workload in subject.workloads:
        stalled = [
            (min(known), max(known), each)
            for each in subject.summaries
            if each.case.workload == workload and not each.marked
            if (known := [r.loop_stall_max_ns for r in each.rounds if r.loop_stall_max_ns])
            if len(known) > 1
        ]
        if not stalled:
            continue
        least, most, worst = max(stalled, key=lambda one: one[0])
        if least >= STALL_NS:
            case = worst.case
            sentence = (
                f"`{case.backend}` kept the event loop from everybody else for "
                f"{with_unit(least, TIMES)} and more at a time: `{workload}`, {case.fetch}, at "
                f"{case.concurrency}."
            )
            evidence = (
                f"longest delay of a heartbeat, {with_unit(least, TIMES)} to "
                f"{with_unit(most, TIMES)}, {rounds(len(worst.rounds), paired=False)}"
            )
            yield Finding("The event loop", sentence, evidence, (case,))


def _noise(subject: Subject) -> Iterator[Finding]:
    floor = subject.floor
    if floor is None:
        return
    sentence = (
        f"A case differed from itself, in another process, by up to {(floor.factor - 1) * 100:.0f} "
        "%: what differs by less is not known to differ."
    )
    both = (floor.case, replace(floor.case, twin=True))
    yield Finding(TOPIC, sentence, f"{floor}, {rounds(floor.ratio.rounds)}", both)


def _floor(subject: Subject) -> Iterator[Finding]:
    """The harness's own share of the cheapest operation, colour by colour."""
    for workload in subject.workloads:
        measured = [e for e in subject.alike(workload) if e.client_cpu_ns and not e.marked]
        for colour in ("sync", "async"):
            of_colour = [e for e in measured if subject.looks[e.case.backend].colour == colour]
            floors = [e for e in of_colour if subject.looks[e.case.backend].null]
            others = [e for e in of_colour if not subject.looks[e.case.backend].null]
            if floors and others:
                highest, cheapest = max(floors, key=_cpu), min(others, key=_cpu)
                part = _cpu(highest) / _cpu(cheapest)
                sentence = (
                    f"The harness's own cost is at most {part * 100:.1f} % of any {colour} "
                    f"`{workload}`'s client CPU: {with_unit(_cpu(highest), TIMES)} an operation."
                )
                evidence = (
                    f"`{highest.case.backend}` at {highest.case.concurrency} against "
                    f"`{cheapest.case.backend}` at {cheapest.case.concurrency}, "
                    f"{with_unit(_cpu(cheapest), TIMES)}"
                )
                yield Finding("The harness", sentence, evidence, (highest.case, cheapest.case))


def _shares(
    results: Results, subject: Subject, of_run: Callable[[Run], float | None]
) -> dict[Case, Interval]:
    """The cases in whose every round that share was above BUSY."""
    shares: dict[Case, list[float]] = {}
    for run in results.runs:
        look = subject.looks.get(run.case.backend)
        counts = look and not look.null and not run.case.twin and run.elapsed_ns
        if counts and (part := of_run(run)) is not None:
            shares.setdefault(run.case, []).append(part)
    found = {case: stats.median_over_rounds(parts) for case, parts in shares.items()}
    return {
        case: part
        for case, part in found.items()
        if part and part.low is not None and part.low >= BUSY
    }


def _range(shares: dict[Case, Interval]) -> str:
    ends = sorted({round(part.median * 100) for part in shares.values()})
    return f"{ends[0]} %" if len(ends) == 1 else f"{ends[0]} to {ends[-1]} %"


def _weakest(shares: dict[Case, Interval], what: str) -> str:
    case, part = min(shares.items(), key=lambda item: item[1].low or 0)
    return f"{what}; least: {case.title}, {share(part)}, {rounds(part.rounds, paired=False)}"


def _backends(cases: dict[Case, Interval]) -> str:
    return listed([f"`{name}`" for name in dict.fromkeys(case.backend for case in cases)])


def _cpu(summary: Summary) -> float:
    return summary.client_cpu_ns.median if summary.client_cpu_ns else 0.0
