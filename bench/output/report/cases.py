"""The source of each figure: the rounds and samples of its case, and how to measure it again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.analysis import rerun
from bench.analysis.selection import Selection
from bench.analysis.summary import Round, Summary
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
        cases = [each for each in selection.summaries if each.case.workload == workload]
        yield workload, [_trace(selection.header, each) for each in cases]


def _trace(header: Header, summary: Summary) -> Trace:
    streamed = any(each.first_row_p50_ns is not None for each in summary.rounds)
    stalls = any(each.loop_stall_max_ns is not None for each in summary.rounds)
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
        [_round(each, streamed=streamed, stalls=stalls) for each in summary.rounds],
        rerun.command(header, summary.case),
        [*failures, *summary.failures],
    )


def _round(each: Round, *, streamed: bool, stalls: bool) -> list[str]:
    times: list[float | None] = [each.latency_ns.get(name) for name in ("p50", "p99", "max")]
    times += [each.client_cpu_ns, each.server_cpu_ns, each.gc_ns]
    times += [each.first_row_p50_ns] * streamed + [each.loop_stall_max_ns] * stalls
    failed = sum(each.errors.values())
    return [
        str(each.number),
        f"{each.operations:,}" + (f" + {failed:,} failed" if failed else ""),
        with_unit(each.throughput_per_s, RATES),
        *("-" if value is None else with_unit(value, TIMES) for value in times),
        f"{each.fewest_operations:,}–{each.most_operations:,}",  # noqa: RUF001
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
