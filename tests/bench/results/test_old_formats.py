"""Results of older formats: pieces of real runs, as each format wrote them, are read and drawn."""

import shutil
from pathlib import Path

import pytest

from bench.analysis.summary import summarise
from bench.model.case import Case
from bench.results.file import RUN_FILE, load
from tests.bench.command import POINT, Bench

FORMATS = Path(__file__).parent / "formats"
POINT_READ = Case("psycopg2", POINT, concurrency=16, loop="none")
CUSTOMERS = Case("orm+asyncpg", "get_customers", concurrency=8, size=1_000)


def kept(number: int, folder: Path) -> Path:
    """Return a results folder below `folder` that holds the run of this format."""
    place = folder / "results" / f"format-{number}"
    place.mkdir(parents=True)
    shutil.copy(FORMATS / f"{place.name}.jsonl", place / RUN_FILE)
    return place


@pytest.mark.parametrize(
    ("number", "case", "rounds", "operations"),
    [(1, POINT_READ, 3, 1448), (2, POINT_READ, 6, 2553), (3, CUSTOMERS, 1, 9)],
)
def test_every_sample_of_an_old_run_is_read(
    tmp_path: Path, number: int, case: Case, rounds: int, operations: int
) -> None:
    """Forbids that a new format of results loses what an older one has recorded."""
    summaries = {each.case: each for each in summarise(load(kept(number, tmp_path)))}
    assert len(summaries[case].rounds) == rounds
    assert summaries[case].operations == operations


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_old_run_is_shown(tmp_path: Path, number: int) -> None:
    """Forbids that a report of old results ends in an error or without their figures."""
    folder = kept(number, tmp_path)
    done = Bench(tmp_path)("report", str(folder))
    assert done.code == 0, done.err
    page = (folder / "report.html").read_text()
    assert "orm+asyncpg" in page
    assert "CPU" in page
