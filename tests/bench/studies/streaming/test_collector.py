"""The garbage collector's share of the time, from invented runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.summary import summarise
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.results.file import Results
from bench.studies.streaming.evidence import ways_of
from bench.studies.streaming.garbage_collector import collected
from tests.bench import synthetic

PLAIN = Case("orm+psycopg2", "get_customers", loop="none", size=100_000)
FROZEN = replace(PLAIN, frozen=True)
ALONE = replace(PLAIN, fetch=Fetch("batched", 1000))

S = 1_000_000_000


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Fetches of 2 s, half of it collecting; frozen, of 1 s, a quarter of it."""
    made = synthetic.of_durations(tmp_path, {PLAIN: [2 * S] * 2, FROZEN: [S] * 2, ALONE: [S]})
    gc_ns = {PLAIN: S, FROZEN: S // 4, ALONE: 0}
    made.runs = [replace(run, gc_ns=gc_ns[run.case]) for run in made.runs]
    return made


def test_a_share_is_of_the_fetch_and_a_gain_of_its_rows(results: Results) -> None:
    (found,) = collected(summarise(results))
    assert (found.backend, found.fetch, found.rows) == ("orm+psycopg2", Fetch(), 100_000)
    assert found.cells == ("0.500", "50%", "-", "1.00", "25%", "-", "2.00x (2.00 to 2.00)")


def test_both_sides_are_of_the_same_rounds(results: Results) -> None:
    """Forbids 57 and 104 thousand rows/s beside a gain of 1.72 times: of four rounds and of two."""
    results.runs.append(replace(synthetic.constant_run(PLAIN, 3, 8 * S), gc_ns=8 * S))
    (found,) = collected(summarise(results))
    assert found.cells == ("0.500", "50%", "-", "1.00", "25%", "-", "2.00x (2.00 to 2.00)")


def test_a_stall_is_told_of_an_event_loop(results: Results) -> None:
    results.runs = [replace(run, loop_stall_max_ns=run.gc_ns) for run in results.runs]
    (found,) = collected(summarise(results))
    assert found.cells[2::3] == ("1.00 s", "250 ms")


def test_nothing_is_told_of_files_that_say_nothing_of_the_collector(results: Results) -> None:
    """Forbids "0 %" where an older version did not look."""
    results.runs = [replace(run, gc_ns=None) for run in results.runs]
    assert collected(summarise(results)) == []


def test_frozen_figures_are_not_those_of_the_way(results: Results) -> None:
    """Forbids a table whose rows/s no program has that does not call gc.freeze()."""
    ways = {way.fetch: way for way in ways_of(results, summarise(results))}
    assert ways[Fetch()].points[100_000].rows_per_s == 0.5
