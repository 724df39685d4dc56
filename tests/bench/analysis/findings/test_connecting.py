"""The findings about options of connecting, from durations that are exactly known."""

from pathlib import Path

from bench.analysis.findings import find
from bench.analysis.findings.connect import TOPIC
from bench.analysis.selection import select
from bench.model.case import Case
from tests.bench import synthetic

POINT = synthetic.POINT
CACHE = "asyncpg.statement_cache_size"
PLAIN = Case("asyncpg", POINT, session_scope="operation")
UNPREPARED = Case("asyncpg", POINT, session_scope="operation", connect=f"{CACHE}=0")
POOLED = Case("core+asyncpg", POINT, session_scope="operation")
UNPOOLED = Case(
    "core+asyncpg", POINT, session_scope="operation", connect="engine.poolclass=NullPool"
)
ROUNDS = 8


def sentences(folder: Path, durations_ns: dict[Case, int]) -> list[str]:
    jitter = [0, 1, -1, 2, -2, 1, 0, -1]
    made = {
        case: [ns + ns * step // 1000 for step in jitter[:ROUNDS]]
        for case, ns in durations_ns.items()
    }
    results = synthetic.of_durations(folder, made)
    return [finding.sentence for finding in find(results) if finding.topic == TOPIC]


def test_prepared_statements_and_pools_have_their_worth_in_words(tmp_path: Path) -> None:
    found = sentences(
        tmp_path,
        {PLAIN: 1_000_000, UNPREPARED: 1_500_000, POOLED: 1_000_000, UNPOOLED: 6_000_000},
    )
    pool, prepared = found
    assert prepared.startswith("Prepared statements are worth 1.5x")
    assert "a point read through `asyncpg` with one task" in prepared
    assert pool.startswith("`engine.poolclass=NullPool` makes an operation take 6.0x")
    assert pool.endswith("it costs 5.00 ms a call.")
    assert "as long as `default`" in pool


def test_the_sentence_is_the_same_in_the_other_order(tmp_path: Path) -> None:
    """Forbids that the faster of two values is called the cost."""
    (found,) = sentences(tmp_path, {UNPREPARED: 1_500_000, PLAIN: 1_000_000})
    assert found.startswith("Prepared statements are worth 1.5x")


def test_nothing_is_said_of_equal_ways(tmp_path: Path) -> None:
    assert sentences(tmp_path, {PLAIN: 1_000_000, UNPREPARED: 1_000_000}) == []


def test_two_options_that_differ_at_once_are_not_compared(tmp_path: Path) -> None:
    both = Case("core+asyncpg", POINT, connect=f"{CACHE}=0,engine.poolclass=NullPool")
    plain = Case("core+asyncpg", POINT)
    assert sentences(tmp_path, {plain: 1_000_000, both: 3_000_000}) == []


def test_charts_show_the_first_way_of_a_backend(tmp_path: Path) -> None:
    """Forbids two marks of one backend at one place of a chart."""
    results = synthetic.of_durations(
        tmp_path, {PLAIN: [1_000_000] * 3, UNPREPARED: [1_500_000] * 3, POOLED: [1_000_000] * 3}
    )
    selection = select(results)
    assert [summary.case for summary in selection.summaries] == [PLAIN, POOLED]
    assert len(selection.variants) == 3


def test_backends_with_different_options_are_in_one_chart(tmp_path: Path) -> None:
    """Forbids a chart of one backend, where `--connect` sets another option for each."""
    results = synthetic.of_durations(
        tmp_path, {UNPREPARED: [1_500_000] * 3, UNPOOLED: [1_000_000] * 3}
    )
    selection = select(results)
    assert [summary.case for summary in selection.alike(POINT)] == [UNPREPARED, UNPOOLED]
    assert selection.variants == ()
