"""The source of each figure: the rounds and samples of its case, and how to measure it again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.analysis import rerun
from bench.analysis.rounds import Round
from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.model.units import BYTES, RATES, TIMES, with_unit
from bench.results.header import Header


@dataclass(frozen=True)
class Trace:
    """The data of one case in a report, as text."""

    summary: Summary
    samples: str
    headings: list[str]
    rounds: list[list[str]]
    command: str
    failures: list[str]


def anchors(plan: Sequence[Case]) -> dict[Case, str]:
    """Return the anchor of each case: its place in the plan, which does not change.

    Anchors are short, since the page of a full profile contains six thousand of them.
    """
    return {case: f"case-{place}" for place, case in enumerate(plan, start=1)}


def traces(selection: Selection) -> Iterator[tuple[str, list[Trace]]]:
    """Yield each workload with its cases, in plan order."""
    for workload in selection.workloads:
        cases = [summary for summary in selection.summaries if summary.case.workload == workload]
        yield workload, [_trace(selection.header, summary) for summary in cases]


def _trace(header: Header, summary: Summary) -> Trace:
    streamed = any(round_.first_row_p50_ns is not None for round_ in summary.rounds)
    stalls = any(round_.loop_stall_max_ns is not None for round_ in summary.rounds)
    headings = [
        "round",
        "operations",
        "per second",
        "p50",
        "p99",
        "max",
        "client CPU",
        "server CPU",
        "GC",
    ]
    if streamed:
        headings.append("first row")
    if stalls:
        headings.append("stall")
    headings.append("fewest–most per client")  # noqa: RUF001
    failures = [f"{count:,} x {name}" for name, count in sorted(summary.errors.items())]
    return Trace(
        summary,
        _samples(summary),
        headings,
        [_round(round_, streamed=streamed, stalls=stalls) for round_ in summary.rounds],
        rerun.command(header, summary.case),
        [*failures, *summary.failures],
    )


def _round(round_: Round, *, streamed: bool, stalls: bool) -> list[str]:
    times: list[float | None] = [round_.latency_ns.get(name) for name in ("p50", "p99", "max")]
    times += [round_.client_cpu_ns, round_.server_cpu_ns, round_.gc_ns]
    times += [round_.first_row_p50_ns] * streamed + [round_.loop_stall_max_ns] * stalls
    failed = sum(round_.errors.values())
    return [
        str(round_.number),
        f"{round_.operations:,}" + (f" + {failed:,} failed" if failed else ""),
        with_unit(round_.throughput_per_s, RATES),
        *("-" if value is None else with_unit(value, TIMES) for value in times),
        f"{round_.fewest_operations:,}–{round_.most_operations:,}",  # noqa: RUF001
    ]


def _samples(summary: Summary) -> str:
    quantiles = ", ".join(
        f"{name} {with_unit(value, TIMES)}" for name, value in summary.pooled_latency_ns.items()
    )
    text = f"{summary.operations:,} operations in {len(summary.rounds)} rounds"
    text += f"; quantiles of all samples together: {quantiles}" if quantiles else ""
    if summary.peak_memory_bytes is not None:
        text += f"; peak memory {with_unit(summary.peak_memory_bytes, BYTES)}"
        text += f" for {summary.memory_rows:,} rows" if summary.memory_rows else ""
    return text + "."
