"""The checks of `bench streaming`: statements about streams that the results must support."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.analysis.figure import FIGURES
from bench.analysis.ratios import ratio_of_rounds
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.analysis.verdict import in_words
from bench.model.fetch import Fetch
from bench.studies.streaming.entries import BareLoop
from bench.studies.streaming.evidence import FetchModeResult
from bench.studies.streaming.plan import BATCHED, LARGEST, PROMISED

FIRST_ROW = 1 / 20
MEMORY = 1 / 10
CORE_BATCHED = 3.0
LEAST_OF_BARE = 0.97

_BUFFERED = Fetch()

Word = Literal["holds", "undecided", "broken"]
"""The outcome of a check. `undecided`: the interval of the ratio includes 1, or there is none."""


@dataclass(frozen=True)
class Check:
    """A statement, the measured figure, and whether the figure supports it."""

    sentence: str
    figure: str
    word: Word


def checks(
    ways: Sequence[FetchModeResult], summaries: Iterable[Summary], bare: Iterable[BareLoop]
) -> list[Check]:
    """Return every check that the results have data for."""
    return [
        *_orm_streams(ways, list(summaries)),
        *_core_by_batches(ways),
        *_nothing_added(bare),
        *_memory_stays(ways),
    ]


def _orm_streams(ways: Sequence[FetchModeResult], summaries: Sequence[Summary]) -> Iterator[Check]:
    for backend in PROMISED:
        buffered = _way(ways, backend, _BUFFERED)
        batched = _way(ways, backend, BATCHED)
        if not (buffered and batched and buffered.largest == batched.largest == LARGEST):
            continue
        rows = batched.largest
        what = f"{backend}, {rows:,} customers in batches of {BATCHED.batch_size:,}"
        share = batched.points[rows].first_row_ns / buffered.points[rows].first_row_ns
        yield Check(
            f"{what}: first row after at most 1/{1 / FIRST_ROW:.0f} of the buffered fetch",
            f"1/{1 / share:.0f}",
            _kept(share <= FIRST_ROW),
        )
        if rows in buffered.memory_bytes and rows in batched.memory_bytes:
            share = batched.memory_bytes[rows] / buffered.memory_bytes[rows]
            yield Check(
                f"{what}: at most 1/{1 / MEMORY:.0f} of its memory",
                f"1/{1 / share:.0f}",
                _kept(share <= MEMORY),
            )
        for frozen in (False, True):
            by_fetch = {s.case.fetch: s for s in summaries if _is(s, backend, rows, frozen)}
            if len(by_fetch) > 1:
                batches, buffer = (
                    by_fetch[fetch].by_round(FIGURES["rows"]) for fetch in (BATCHED, _BUFFERED)
                )
                if faster := ratio_of_rounds(batches, buffer):
                    when = ", after gc.freeze()" if frozen else ""
                    words = f"{in_words(faster)} as many"
                    yield Check(f"{what}{when}: no fewer rows/s", words, _no_fewer(faster))


def _core_by_batches(ways: Sequence[FetchModeResult]) -> Iterator[Check]:
    backend, size = "core+asyncpg", 10_000
    batched = _way(ways, backend, BATCHED)
    by_row = _way(ways, backend, Fetch("streamed", BATCHED.batch_size))
    if batched and by_row and size in batched.points and size in by_row.points:
        faster = batched.points[size].rows_per_s / by_row.points[size].rows_per_s
        yield Check(
            f"{backend}, {size:,} customers: at least {CORE_BATCHED:.0f} times the rows/s by"
            " batches as row by row",
            f"{faster:.1f} times",
            _kept(faster >= CORE_BATCHED),
        )


def _nothing_added(bare: Iterable[BareLoop]) -> Iterator[Check]:
    for loop in bare:
        pairs = range(len(loop.bare_ns))
        ratio = ratio_of_rounds(
            {pair: loop.bare_ns[pair] for pair in pairs},
            {pair: loop.harness_ns[pair] for pair in pairs},
        )
        if ratio:
            spread = f" ({ratio.low:.3f} to {ratio.high:.3f})" if ratio.low and ratio.high else ""
            yield Check(
                f"{loop.case.backend}, {loop.case.fetch}: at least {LEAST_OF_BARE:.0%} of the"
                " rows/s of a bare loop on the same cursor",
                f"{ratio.median:.1%}{spread}",
                _kept(ratio.median >= LEAST_OF_BARE),
            )


def _memory_stays(ways: Sequence[FetchModeResult]) -> Iterator[Check]:
    streams = [way for way in ways if way.grows is not None and _gave_rows(way)]
    if not streams:
        return
    some, many = sorted(streams[0].memory_bytes)[-2:]
    growing = ", ".join(str(way) for way in streams if way.grows)
    yield Check(
        f"no stream's memory grows from {some:,} to {many:,} rows",
        growing or f"of {len(streams)} streams, none",
        _kept(not growing),
    )


def _kept(kept: bool) -> Word:
    return "holds" if kept else "broken"


def _no_fewer(ratio: Interval) -> Word:
    if ratio.low is None or ratio.high is None or ratio.low < 1 <= ratio.high:
        return "undecided"
    return _kept(ratio.low >= 1)


def _gave_rows(way: FetchModeResult) -> bool:
    return way.proof is not None and bool(way.proof.gave_rows)


def _way(ways: Iterable[FetchModeResult], backend: str, fetch: Fetch) -> FetchModeResult | None:
    key = (backend, "get_customers", fetch)
    return next((w for w in ways if (w.backend, w.function, w.fetch) == key and w.points), None)


def _is(summary: Summary, backend: str, size: int, frozen: bool) -> bool:
    case = summary.case
    return (case.backend, case.workload, case.size, case.concurrency, case.frozen) == (
        backend, "get_customers", size, 1, frozen
    ) and bool(summary.rounds) and case.fetch in (_BUFFERED, BATCHED)  # fmt: skip
