"""The benefits and costs of streaming, and the streams that buffer all rows."""

from collections.abc import Iterator
from dataclasses import replace

from bench.analysis import stats
from bench.analysis.figure import FIGURES
from bench.analysis.findings.finding import Finding, rounds, share, times, work
from bench.analysis.findings.judge import floor_between, judge, judge_rounds
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.model.units import BYTES, RATES, with_unit
from bench.model.workload import WORKLOADS
from bench.results.file import Results
from bench.studies.streaming.entries import Proof

TOPIC = "Streaming"
FIRST_ROW, P50, ROWS = (FIGURES[name] for name in ("first-row", "p50", "rows"))
BUFFERS_FROM = 0.5
"""The share of the whole answer's time from which a first row is too late for a stream.

Every round has to show it.
"""
AS_MUCH = 0.5
"""The share of the buffered answer's memory below which not all rows were held at once."""
WORTH = 5
"""The fewest batches of an answer whose first row can be called late."""


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    known = {s.case: s for s in selection.summaries if s.rounds and not s.marked}
    taken = [
        summary for case, summary in known.items() if case.fetch != Fetch() and _many_rows(case)
    ]
    taken = [summary for summary in taken if not selection.looks[summary.case.backend].null]
    proofs = {_way(proof.case): proof for proof in results.probed_as(Proof)}
    late: set[Case] = set()
    for summary in taken:
        proof = proofs.get(_way(summary.case))
        for finding in _buffers(summary, _buffered(summary, known), proof):
            late.add(summary.case)
            yield finding
    for summary in taken:
        whole = _buffered(summary, known)
        if whole and summary.case not in late and summary.case.fetch.mode == "batched":
            yield from _buys(summary, whole, selection.floor)
    for summary in taken:
        if summary.case.fetch.mode == "streamed":
            yield from _row_by_row(summary, taken, selection.floor)


def _buffers(streamed: Summary, buffered: Summary | None, proof: Proof | None) -> Iterator[Finding]:
    """Yield a finding if the first row came late and the client held all rows before it.

    A late row alone is no evidence: the server may have sorted until then. The other evidence is a
    read that failed at a late row and gave none of the rows before it, or as much memory as the
    buffered answer's.
    """
    late = _late(streamed)
    peak = streamed.peak_memory_bytes
    whole = buffered.peak_memory_bytes if buffered else None
    if proof is not None and proof.gave_rows is not None:
        held = not proof.gave_rows
    else:
        held = bool(peak and whole and peak >= AS_MUCH * whole)
    if late is None or not held:
        return
    case = streamed.case
    size = case.fetch.batch_size
    how = f"in batches of {size:,}" if size else "without a batch size"
    sentence = (
        f"`{case.backend}`, streamed {how}, buffered everything: the first row came at "
        f"{late.median * 100:.0f} % of the whole"
    )
    sentence += f", {with_unit(peak, BYTES)}" if peak else ""
    sentence += f" (buffered: {with_unit(whole, BYTES)})" if peak and whole else ""
    evidence = f"first row over whole answer, {share(late)}, {rounds(late.rounds, paired=False)}"
    if proof is not None and proof.gave_rows is False:
        evidence += f"; failing at row {proof.failing_row:,}, it gave none of the rows before"
    yield Finding(TOPIC, f"{sentence}.", evidence, (case,))


def _late(streamed: Summary) -> Interval | None:
    """Return the time of the first row as a share of the whole; None if it is not late."""
    rate, rows = streamed.throughput_per_s, streamed.rows_per_s
    if not rate or not rows or rate.median <= 0:
        return None
    if rows.median / rate.median < WORTH * streamed.case.fetch.at_a_time:
        return None
    first, whole = streamed.by_round(FIRST_ROW), streamed.by_round(P50)
    share_of_whole = stats.median_over_rounds(
        [first[n] / whole[n] for n in first.keys() & whole.keys()]
    )
    sure = share_of_whole and share_of_whole.low is not None and share_of_whole.low >= BUFFERS_FROM
    return share_of_whole if sure else None


def _buys(batched: Summary, whole: Summary, floor: NoiseFloor | None) -> Iterator[Finding]:
    sooner = judge_rounds(
        whole.by_round(P50),
        batched.by_round(FIRST_ROW),
        floor_between(floor, whole.case, batched.case),
    )
    if sooner is None or not sooner.apart or sooner.ratio.median <= 1:
        return
    case = batched.case
    sentence = (
        f"`{case.backend}`, `{case.fetch}`, has its first row of {work(case)} "
        f"{times(sooner.ratio)} sooner than buffered"
    )
    if batched.peak_memory_bytes and whole.peak_memory_bytes:
        sentence += (
            f", in {with_unit(batched.peak_memory_bytes, BYTES)} of memory "
            f"instead of {with_unit(whole.peak_memory_bytes, BYTES)}"
        )
    rate = judge(batched, whole, floor, ROWS)
    evidence = f"first row in {rounds(sooner.ratio.rounds)}"
    if rate and rate.decided:
        sentence += (
            f", at {times(rate.ratio)} the rows per second"
            if rate.apart
            else "; their rows per second are indistinguishable"
        )
        evidence += f"; rows per second {times(rate.ratio)} of buffered's"
    yield Finding(TOPIC, f"{sentence}.", evidence, (case, whole.case))


def _row_by_row(
    streamed: Summary, taken: list[Summary], floor: NoiseFloor | None
) -> Iterator[Finding]:
    """Yield the comparison with the same backend's fastest batched fetch."""
    case = streamed.case
    rivals = [
        summary
        for summary in taken
        if summary.case.fetch.mode == "batched" and summary.rows_per_s
        if replace(summary.case, fetch=case.fetch) == case
    ]
    if not rivals:
        return
    best = max(rivals, key=lambda summary: summary.rows_per_s.median if summary.rows_per_s else 0)
    faster = judge(best, streamed, floor, ROWS)
    if faster and faster.apart and faster.ratio.median > 1 and streamed.rows_per_s:
        sentence = (
            f"`{case.backend}` moves {times(faster.ratio)} as many rows of {work(case)} by "
            f"`{best.case.fetch}` as row by row (`{case.fetch}`)."
        )
        evidence = (
            f"rows per second in {rounds(faster.ratio.rounds)}; row by row "
            f"{with_unit(streamed.rows_per_s.median, RATES)}"
        )
        yield Finding(TOPIC, sentence, evidence, (best.case, case))


def _way(case: Case) -> tuple[str, str, Fetch]:
    return case.backend, case.workload, case.fetch


def _buffered(taken: Summary, known: dict[Case, Summary]) -> Summary | None:
    return known.get(replace(taken.case, fetch=Fetch()))


def _many_rows(case: Case) -> bool:
    workload = WORKLOADS.get(case.workload)
    return workload is not None and workload.many_rows
