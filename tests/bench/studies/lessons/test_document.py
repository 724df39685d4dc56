"""The workshop's pages agree with the lessons' files."""

import re
from pathlib import Path

import pytest

from bench.dataset.schema import SCRATCH
from bench.model.errors import BenchError
from bench.studies.lessons import document_text, tables
from bench.studies.lessons.catalogue import MISTAKES
from bench.studies.lessons.document import documents
from bench.studies.lessons.lesson import LESSONS
from bench.studies.lessons.record import load
from tests.documents import ROOT

RESULTS = ROOT / "results" / "lessons"
PAGE = ROOT / "docs" / "one-session-per-task.md"


def test_the_pages_are_what_the_files_say() -> None:
    pages = documents(RESULTS, PAGE)
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, "run `make docs`"
    assert set(PAGE.with_suffix("").glob("*.md")) == set(pages) - {PAGE}


def test_every_mistake_is_shown_once() -> None:
    """Defect: the shared right way of four mistakes was printed four times on the first screens."""
    pages = documents(RESULTS, PAGE)
    text = "\n".join(pages.values())
    for name, mistake in MISTAKES.items():
        assert text.count(f"\n## {name}\n") == 1
        page = next(page for page in pages.values() if f"\n## {name}\n" in page)
        assert page.count(f"```py\n{mistake.source('right')}\n```") == 1
    assert len(pages[PAGE].splitlines()) <= 260


def test_no_figure_is_written_by_hand() -> None:
    """The fixed texts have no digits, except in URLs."""
    texts = [value for name, value in vars(document_text).items() if name.isupper()]
    prose = " ".join(str(text) for text in texts)
    assert not re.search(r"\d", re.sub(r"https://\S+", "", prose))


@pytest.mark.parametrize("name", LESSONS)
def test_a_committed_lesson_is_complete(name: str) -> None:
    record = load(RESULTS / name)
    assert record.lesson == name
    if name == "session-per-task":
        assert record.guard
        assert set(record.found) == set(MISTAKES)


def test_every_committed_file_is_free_of_this_machine() -> None:
    for file in RESULTS.rglob("*"):
        if file.suffix in (".json", ".svg"):
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"(?<![\w.:/])/(work|root|home|Users|tmp)/", text), file


def test_a_folder_without_a_lesson_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="not a lesson's file"):
        load(tmp_path)


def test_the_scratch_tables_are_those_that_are_dropped() -> None:
    assert set(SCRATCH) == {table.name for table in tables.Base.metadata.tables.values()}
