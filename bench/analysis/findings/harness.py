"""Findings on event loop stalls, the garbage collector and the harness's overhead."""

from collections.abc import Callable, Iterator, Sequence

from bench.analysis.findings.finding import Finding, rounds, work
from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.units import TIMES, with_unit
from bench.results.file import Results

STALL_NS = 50_000_000
"""The shortest stall that is a finding, if every round has one."""
COLLECTING = 0.25
"""The smallest share of the client's CPU time that is a finding, if every round has it."""
LONG_ENOUGH_NS = 100_000_000
"""The least CPU time of a round: whether a shorter one has a full collection is chance."""


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    yield from _stalls(selection)
    yield from _collecting(selection)
    yield from _floor(selection)


def _stalls(selection: Selection) -> Iterator[Finding]:
    """Yield, by workload, the case that blocked the event loop longest."""
    for workload in selection.workloads:
        known, worst = _worst(selection, workload, _loop_stalls)
        if worst and min(known) >= STALL_NS:
            case = worst.case
            sentence = (
                f"`{case.backend}` blocked the event loop for "
                f"{with_unit(min(known), TIMES)} and more at a time: `{workload}`, {case.fetch}, "
                f"at {case.concurrency}."
            )
            evidence = (
                f"longest delay of a heartbeat, {with_unit(min(known), TIMES)} to "
                f"{with_unit(max(known), TIMES)}, {rounds(len(worst.rounds), paired=False)}"
            )
            yield Finding("The event loop", sentence, evidence, (case,))


def _collecting(selection: Selection) -> Iterator[Finding]:
    """Yield, by workload, the case with the largest share of garbage collection."""
    for workload in selection.workloads:
        known, worst = _worst(selection, workload, _collector_shares)
        if worst and min(known) >= COLLECTING:
            case, least, most = worst.case, 100 * min(known), 100 * max(known)
            sentence = (
                f"Python's garbage collector took {least:.0f} % and more of the CPU time of"
                f" `{case.backend}` for {work(case)}, {case.fetch}, at {case.concurrency}."
            )
            evidence = (
                f"collector over client CPU, {least:.0f} % to {most:.0f} %, "
                f"{rounds(len(known), paired=False)}; docs/streaming.md says what to do"
            )
            yield Finding("The garbage collector", sentence, evidence, (case,))


def _worst(
    selection: Selection, workload: str, figures: Callable[[Summary], Sequence[float]]
) -> tuple[Sequence[float], Summary | None]:
    """Return the case with the highest minimum over rounds, and its values: at least two."""
    of_workload = [s for s in selection.summaries if s.case.workload == workload and not s.marked]
    seen = [(known, s) for s in of_workload if len(known := figures(s)) > 1]
    return max(seen, key=lambda candidate: min(candidate[0]), default=((), None))


def _loop_stalls(summary: Summary) -> list[int]:
    return [round_.loop_stall_max_ns for round_ in summary.rounds if round_.loop_stall_max_ns]


def _collector_shares(summary: Summary) -> list[float]:
    """Return the collector's share of client CPU, by round, of rounds that are long enough.

    Cases with a frozen heap have none.
    """
    return [
        round_.gc_ns / round_.client_cpu_ns
        for round_ in summary.rounds
        if round_.gc_ns is not None and round_.client_cpu_ns and not summary.case.frozen
        if round_.client_cpu_ns * round_.operations >= LONG_ENOUGH_NS
    ]


def _floor(selection: Selection) -> Iterator[Finding]:
    """Yield the harness's share of the cheapest operation, by mode."""
    for workload in selection.workloads:
        measured = [e for e in selection.alike(workload) if e.client_cpu_ns and not e.marked]
        for mode in ("sync", "async"):
            of_mode = [e for e in measured if selection.looks[e.case.backend].mode == mode]
            floors = [e for e in of_mode if selection.looks[e.case.backend].null]
            others = [e for e in of_mode if not selection.looks[e.case.backend].null]
            if floors and others:
                highest, cheapest = max(floors, key=_cpu), min(others, key=_cpu)
                part = _cpu(highest) / _cpu(cheapest)
                sentence = (
                    f"The harness's overhead is at most {part * 100:.1f} % of any {mode} "
                    f"`{workload}`'s client CPU: {with_unit(_cpu(highest), TIMES)} an operation."
                )
                evidence = (
                    f"`{highest.case.backend}` at {highest.case.concurrency} against "
                    f"`{cheapest.case.backend}` at {cheapest.case.concurrency}, "
                    f"{with_unit(_cpu(cheapest), TIMES)}"
                )
                yield Finding("The harness", sentence, evidence, (highest.case, cheapest.case))


def _cpu(summary: Summary) -> float:
    return summary.client_cpu_ns.median if summary.client_cpu_ns else 0.0
