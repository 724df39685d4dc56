"""A comparison told in each format: Markdown, GitHub's lines, JSON and a forest plot."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.collections import LineCollection
from matplotlib.text import Text

from bench.analysis.selection import select
from bench.output.charts import draw_comparison, forest, style
from bench.output.terminal.comparison import as_github, as_json, as_markdown
from bench.results.file import Results
from bench.results.header import DatasetFacts
from bench.system.processors import Halves
from tests.bench import synthetic
from tests.bench.analysis.compare.made_runs import POINT, SLOWER, compared, run


def test_what_to_know_of_each_run_stands_under_its_comparison(tmp_path: Path) -> None:
    found = compared(run(tmp_path), run(tmp_path, rounds=3))
    assert [[each.symptom for each in own] for own in found.result_warnings] == [
        [],
        ["3 rounds: no difference can be told from chance"],
    ]
    words = "! run1: 3 rounds: no difference can be told from chance. Try: bench run"
    assert words in as_markdown(found)
    assert words in as_github(found, None)


def test_json_is_for_scripts(tmp_path: Path) -> None:
    comparison = compared(run(tmp_path), run(tmp_path, SLOWER))
    found = json.loads(as_json(comparison, comparison.gate(0.1)))
    assert found["runs"] == ["run0", "run1"]
    assert found["failed"] == [{"run": "run1", "key": POINT.key}]
    point = found["cases"][0]
    assert point["key"] == POINT.key
    assert point["verdicts"][0]["verdict"] == "slower"
    assert point["verdicts"][0]["ratio"]["ratio"] == pytest.approx(0.8, rel=0.01)
    assert point["verdicts"][0]["ratio"]["rounds"] == 8


def test_markdown_is_a_table_a_workload(tmp_path: Path) -> None:
    text = as_markdown(compared(run(tmp_path), run(tmp_path, SLOWER)))
    assert (
        f"**{synthetic.POINT}**\n\n| case | run1 | visible |\n| --- | --- | --- |\n"
        "| asyncpg, at 1 | 0.80x" in text
    )
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {4}


def test_github_gets_an_error_for_what_is_stopped_and_a_warning_for_the_rest(
    tmp_path: Path,
) -> None:
    comparison = compared(run(tmp_path), run(tmp_path, SLOWER))
    lines = as_github(comparison, comparison.gate(0.1)).splitlines()
    assert lines[0].startswith("::error title=slower than run0::asyncpg, ")
    lines = as_github(comparison, comparison.gate(0.5)).splitlines()
    assert lines[0].startswith("::warning title=slower than run0::asyncpg, ")
    assert all(line.startswith("::") for line in lines)


def test_a_forest_plot_has_a_row_a_case_and_says_what_was_forced(tmp_path: Path) -> None:
    first = run(tmp_path)
    larger = DatasetFacts(scale=10.0, seed=7, digest="e")
    second = run(tmp_path, SLOWER, dataset=larger)
    found = compared(first, second)
    drawn = draw_comparison(found, [select(first), select(second)], tmp_path / "compare")
    assert {path.name for path in drawn} == {
        f"forest-{workload}.{kind}"
        for workload in (synthetic.POINT, synthetic.MANY)
        for kind in ("png", "svg")
    }
    text = " ".join(
        ET.parse(tmp_path / f"compare/forest-{synthetic.POINT}.svg").getroot().itertext()
    )
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    for words in ("asyncpg, at 1", "run1", "against run0", "COMPARED BY FORCE"):
        assert words in text


def test_a_forest_plot_has_few_artists(tmp_path: Path) -> None:
    """Defect: a patch a row, and error bars a backend, took half of the time of a comparison."""
    first, second = run(tmp_path), run(tmp_path, SLOWER)
    found = compared(first, second)
    for _, figure in forest.figures(found, [select(first), select(second)]):
        for axes in figure.axes:
            assert not axes.patches
            rows = next(each for each in axes.collections if isinstance(each, LineCollection))
            assert len(axes.collections) <= 3, rows


def drawn_words(first: Results, second: Results) -> str:
    found = compared(first, second)
    with style.styled():
        _, figure = next(forest.figures(found, [select(first), select(second)]))
    words = " ".join(text.get_text() for text in figure.findobj(Text))
    return " ".join(words.replace("\N{NO-BREAK SPACE}", " ").split())


def test_the_caption_of_a_forest_plot_is_of_both_runs(tmp_path: Path) -> None:
    """Defect: it was of the first run alone: `pinned` was written of two, of which one was not."""
    first = run(tmp_path, pinned=Halves((0,), (1,)))
    words = drawn_words(first, run(tmp_path, rounds=6, session_guard=True))
    assert "run0: clients on processor 0, server on processor 1; run1: not pinned" in words
    assert "run0: closed loop, 8 rounds of 0.2 s; run1: closed loop, 6 rounds of 0.2 s" in words
    assert "run0: -; run1: watched by session_guard" in words
    assert words.count("Python 3.11.7") == 1
    assert "median of 8 rounds" not in words


def test_a_forest_plot_says_what_was_divided_out(tmp_path: Path) -> None:
    """Defect: a ratio without the common one was `the ratio to run0`; half as fast looked equal."""
    cases = [replace(POINT, concurrency=number) for number in range(1, 13)]
    first = run(tmp_path, dict.fromkeys(cases, 1.0))
    words = drawn_words(first, run(tmp_path, dict.fromkeys(cases, 2.0)))
    assert "All cases together in run1: 0.50x" in words
    assert "as fast, slower. It is divided out." in words
    assert "ratio to the first run" in words


def test_pale_marks_without_a_verdict_are_explained(tmp_path: Path) -> None:
    """Defect: a case of two rounds was drawn as one in which no difference was found."""
    words = drawn_words(run(tmp_path, rounds=2), run(tmp_path, rounds=2))
    assert "Pale marks: there are too few rounds for a verdict, and for 95 %." in words
