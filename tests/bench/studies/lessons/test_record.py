"""The file of a lesson is checked when it is read."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.model.errors import BenchError
from bench.studies.lessons.lesson import LESSONS
from bench.studies.lessons.record import FILE, load, save
from tests.bench.results.damage import ODD_VALUES, inner, places
from tests.root import ROOT

KEPT = ROOT / "results" / "lessons"


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_is_kept_is_read_and_written_as_it_was(lesson: str, tmp_path: Path) -> None:
    """Forbids a schema that refuses, or changes, what a lesson has written."""
    before = json.loads((KEPT / lesson / FILE).read_text())
    save(load(KEPT / lesson), tmp_path)
    after = json.loads((tmp_path / FILE).read_text())
    for part, field in (("host", "cpu_generation"), ("server", "pooler")):
        if field not in before["environment"][part]:  # the field is younger than the file
            assert after["environment"][part].pop(field) is None
    assert after == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "has format 2, not 1"),
        ({"environment": "x"}, "is not a lesson's file (Expected `object`, got `str`"),
        ({"trials": -1}, "is not a lesson's file"),
        ({"lesson": "another"}, "there is no lesson 'another'"),
        ({"found": {"calls": {"a": []}}}, "is not a lesson's file"),
        ({"found": 5}, "is not a lesson's file"),
    ],
)
def test_another_form_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    """Forbids a KeyError when documents are written from such a file."""
    kept = json.loads((KEPT / "one-engine" / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps(kept | change))
    with pytest.raises(BenchError) as caught:
        load(tmp_path)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_damaged_lesson_is_read_or_refused(tmp_path_factory: Any, data: st.DataObject) -> None:
    """Forbids every exception except the `BenchError`, whose message has two lines."""
    folder = tmp_path_factory.mktemp("lesson")
    lesson = data.draw(st.sampled_from(sorted(LESSONS)))
    kept = json.loads((KEPT / lesson / FILE).read_text())
    path = data.draw(st.sampled_from(list(places(kept))[:400]))
    inner(kept, path[:-1])[path[-1]] = data.draw(st.sampled_from(ODD_VALUES))
    (folder / FILE).write_text(json.dumps(kept))
    with suppress(BenchError):
        load(folder)
