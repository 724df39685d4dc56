"""`bench lesson` as a user runs it."""

import json
from pathlib import Path

import pytest

from bench.dataset import schema
from bench.model.errors import BenchError
from bench.server.database import Database
from bench.studies.lessons import tables
from bench.studies.lessons.lesson import LESSONS
from bench.studies.lessons.record import load, save
from tests.bench.command import Bench
from tests.documents import ROOT

RESULTS = ROOT / "results" / "lessons"


def test_without_a_name_the_lessons_are_listed(bench: Bench) -> None:
    done = bench("lesson")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == list(LESSONS)


def test_a_mistake_is_shown_with_code_outcome_reason_and_cure(bench: Bench) -> None:
    done = bench(
        "lesson",
        "session-per-task",
        "--mistake=roll-back-another",
        "--guard",
        "--trials=2",
        f"--out={bench.out}",
    )
    assert done.code == 0, done.err
    assert "await session.rollback()" in done.out
    for line in (
        "wrong          2 silently wrong",
        "               1 order confirmed, 0 there",
        "with the guard 2 caught",
        "right way      2 right",
    ):
        assert line in done.out
    kept = json.loads((bench.out / "lesson.json").read_text())
    assert kept["guard"] is True
    assert kept["found"]["roll-back-another"]["wrong"]["outcomes"] == {"silently wrong": 2}
    assert {path.suffix for path in bench.out.iterdir()} == {".json", ".png", ".svg"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["sesion-per-task"],
            "no lesson named 'sesion-per-task': did you mean 'session-per-task'?",
        ),
        (["session-per-task", "--mistake=rollback-another"], "did you mean 'roll-back-another'?"),
        (["one-engine", "--guard"], "--guard and --mistake are for"),
    ],
)
def test_an_unknown_name_is_reported(bench: Bench, arguments: list[str], words: str) -> None:
    done = bench("lesson", *arguments)
    assert done.code == 2
    assert words in done.err


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(BenchError, match="cannot write"):
        save(load(RESULTS / "one-engine"), tmp_path / "taken" / "in")


def test_dropping_the_schema_drops_the_lessons_tables(database: Database) -> None:
    with database.connect() as connection:
        tables.make(connection)
        assert schema.drop(connection)
        left = connection.execute("select to_regnamespace('gatherbench')").fetchone()
    assert left == (None,)
