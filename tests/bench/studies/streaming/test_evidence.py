"""Verdicts, break_even_sizes and promises, from figures that are made up."""

from dataclasses import replace

import pytest

from bench.analysis.stats import Interval
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.studies.streaming.break_even import break_even_size
from bench.studies.streaming.checks import _no_fewer, checks
from bench.studies.streaming.entries import BareLoop, Proof
from bench.studies.streaming.evidence import FetchModeResult, SizePoint

BATCHED, BUFFERED = Fetch("batched", 1000), Fetch()
LARGEST = 100_000


def point(total: float, first: float, rate: float = 1.0) -> SizePoint:
    return SizePoint(total, first, rate)


def proof(fetch: Fetch, delivered: int | None) -> Proof:
    case = Case("orm+asyncpg", "get_customers", fetch)
    return Proof(case, 20_000, delivered, 1, 0, "idle", 1, 1)


def way(
    fetch: Fetch,
    *,
    first: float = 1,
    memory: tuple[int, int] = (5, 5),
    delivered: int | None = 19_000,
    rate: float = 1.0,
    backend: str = "orm+asyncpg",
) -> FetchModeResult:
    """Return a result for 100,000 rows in 100 ns; memory in MB, at 10,000 and at 100,000 rows."""
    some, many = (megabytes * 1_000_000 for megabytes in memory)
    return FetchModeResult(
        backend,
        "get_customers",
        fetch,
        points={LARGEST: point(100, first, rate)},
        memory_bytes={10_000: some, LARGEST: many},
        proof=proof(fetch, delivered),
    )


def test_a_stream_is_early_flat_and_gives_rows_before_a_failure() -> None:
    assert way(BATCHED).verdict == "streams in batches"
    assert way(BATCHED, delivered=19_999).verdict == "streams"


def test_a_buffer_is_late_grows_and_gives_none() -> None:
    assert way(BUFFERED, first=100, memory=(24, 240), delivered=0).verdict == "buffers"


def test_a_late_first_row_alone_makes_no_buffer() -> None:
    """Forbids a verdict on the server: it sorts for half of the time before any row is sent."""
    assert way(BATCHED, first=60).verdict == "streams in batches"


@pytest.mark.parametrize(
    ("first", "memory", "delivered"),
    [(1, (5, 50), 19_000), (100, (5, 5), 0), (1, (24, 240), 0)],
    ids=["gives rows and grows", "gives none and is flat", "gives none and is early"],
)
def test_contradicting_evidence_is_no_verdict(
    first: float, memory: tuple[int, int], delivered: int
) -> None:
    assert way(BATCHED, first=first, memory=memory, delivered=delivered).verdict == "unclear"


@pytest.mark.parametrize(
    ("fetch", "failing_row", "gave"),
    [
        (BATCHED, 1_000, None),
        (BATCHED, 1_001, False),
        (Fetch("streamed"), 2_000, None),
        (Fetch("streamed"), 2_001, False),
        (BUFFERED, 1, False),
    ],
    ids=str,
)
def test_a_failure_in_what_may_be_the_first_batch_proves_nothing(
    fetch: Fetch, failing_row: int, gave: bool | None
) -> None:
    """Forbids `--rows 1000` to call every stream a buffer: it failed before the first batch."""
    failed = replace(proof(fetch, 0), failing_row=failing_row)
    assert failed.gave_rows is gave
    assert replace(failed, delivered=1).gave_rows is True
    assert replace(failed, delivered=None).gave_rows is None


def test_a_result_of_two_batches_or_fewer_is_no_measure_of_growth() -> None:
    """Forbids calling a batch that is held while the next one comes a buffer."""
    assert way(Fetch("batched", 10_000), memory=(4, 9)).grows is None
    assert way(Fetch("batched", 5_000), memory=(4, 9)).grows is True


def test_without_a_proof_memory_decides_and_without_both_nothing_does() -> None:
    assert way(BATCHED, delivered=None).verdict == "streams"
    bare = FetchModeResult("mine", "get_customers", BATCHED, points={10: point(10, 1)})
    assert bare.verdict == "not asked"


@pytest.mark.parametrize(
    ("memory", "grows"), [((10, 12), False), ((10, 13), True), ((1, 3), False), ((1, 4), True)]
)
def test_memory_grows_by_more_than_a_fifth_and_more_than_2_mb(
    memory: tuple[int, int], grows: bool
) -> None:
    assert way(BATCHED, memory=memory).grows is grows


def test_the_break_even_size_is_where_the_stream_wins_from_then_on() -> None:
    buffered = {1: 1.0, 10: 2.0, 100: 5.0, 1000: 50.0}
    assert break_even_size(buffered, {1: 2, 10: 3, 100: 5, 1000: 20}) == 100
    assert break_even_size(buffered, {1: 0, 10: 3, 100: 6, 1000: 20}) == 1000
    assert break_even_size(buffered, {1: 0, 10: 0, 100: 0, 1000: 51}) is None
    assert break_even_size(buffered, {7: 1}) is None


def test_the_orms_promises_are_kept_and_broken() -> None:
    slow = way(BUFFERED, first=100, memory=(24, 240), delivered=0)
    kept = {p.sentence: p for p in checks([slow, way(BATCHED, first=5)], [], [])}
    assert len(kept) == 3
    assert {promise.word for promise in kept.values()} == {"holds"}, kept
    early, flat, stays = checks([slow, way(BATCHED, first=6, memory=(5, 25))], [], [])
    assert (early.word, early.figure) == ("broken", "1/17")
    assert (flat.word, flat.figure) == ("broken", "1/10")
    assert (stays.word, stays.figure) == ("broken", "orm+asyncpg batched:1000 get_customers")


def test_a_bare_loop_is_held_against_by_pairs() -> None:
    case = Case("asyncpg", "get_customers", BATCHED)
    (kept,) = checks([], [], [BareLoop(case, 10, [102, 204, 51], [100, 200, 50])])
    assert (kept.word, kept.figure.partition(" ")[0]) == ("holds", "98.0%")
    (broken,) = checks([], [], [BareLoop(case, 10, [110, 220, 55], [100, 200, 50])])
    assert broken.word == "broken"


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1.0, 1.2, "holds"),
        (0.8, 0.99, "broken"),
        (0.9, 1.1, "undecided"),
        (None, None, "undecided"),
    ],
)
def test_what_chance_may_have_made_is_undecided(
    low: float | None, high: float | None, word: str
) -> None:
    """Forbids to call 0.97 times, give or take 0.06, fewer rows; or 1.03 times no fewer."""
    for median in (0.97, 1.03):
        assert _no_fewer(Interval(median, low, high, 4)) == word


def test_a_buffered_fetch_is_left_when_all_of_it_has_come() -> None:
    whole = way(BUFFERED, first=100, delivered=0)
    whole.proof = replace(proof(BUFFERED, 0), early_ns=None, stop_ns=None)
    whole.proved_rows = LARGEST
    assert whole.stopped_ns == 100
    whole.proved_rows = LARGEST + 1
    assert whole.stopped_ns is None, "another size is no answer"
    assert way(BATCHED).stopped_ns == 1
