"""The marks of a report's tables: the same as in the terminal."""

from dataclasses import replace
from pathlib import Path

from bench.analysis.ranking import floors
from bench.analysis.selection import select
from bench.analysis.summary import summarise
from bench.model.case import Case
from bench.output.report.tables import tables
from bench.results.file import Results
from tests.bench import synthetic

FAST, SLOW, NULL = (
    Case(name, synthetic.POINT, concurrency=4) for name in ("psycopg2", "asyncpg", "null-async")
)
TWIN = replace(FAST, twin=True)


def starred(results: Results) -> set[str]:
    """Return the backends with a mark in the column of operations/s."""
    summaries = summarise(results)
    shown = tuple(summary for summary in summaries if not summary.case.twin)
    (table,) = tables(replace(select(results, summaries), summaries=shown), floors(summaries))
    cells = table.columns[0].cells
    return {row.case.backend for row, cell in zip(table.rows, cells, strict=True) if cell.best}


def test_intervals_that_overlap_are_ranked_where_one_is_always_behind(tmp_path: Path) -> None:
    """Defect: the report marked two backends as equal, and the terminal told them apart.

    A drift of both made their intervals overlap, but the same one was slower in each round.
    """
    durations = {FAST: [10, 15, 20], SLOW: [12, 18, 24], NULL: [1, 1, 1]}
    durations_ns = {
        case: [duration * 100_000 for duration in of_case] for case, of_case in durations.items()
    }
    assert starred(synthetic.of_durations(tmp_path, durations_ns)) == {FAST.backend}


def test_less_than_the_noise_floor_is_not_ranked(tmp_path: Path) -> None:
    third = replace(FAST, backend="psycopg")
    durations = {FAST: 1_000_000, SLOW: 1_050_000, third: 2_000_000, TWIN: 1_100_000}
    durations_ns = {case: [duration] * 6 for case, duration in durations.items()}
    assert starred(synthetic.of_durations(tmp_path, durations_ns)) == {FAST.backend, SLOW.backend}


def test_where_any_may_be_the_best_none_is_marked(tmp_path: Path) -> None:
    durations_ns = {
        FAST: [1_000_000, 1_200_000, 1_100_000],
        SLOW: [1_150_000, 1_100_000, 1_250_000],
    }
    assert starred(synthetic.of_durations(tmp_path, durations_ns)) == set()
