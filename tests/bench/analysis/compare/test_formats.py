"""A comparison told in each format: Markdown, GitHub's lines, JSON and a forest plot."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from matplotlib.collections import LineCollection

from bench.analysis.selection import select
from bench.output.charts import draw_comparison, forest
from bench.output.terminal.comparison import as_github, as_json, as_markdown
from bench.results.header import DatasetFacts
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
    found = json.loads(as_json(compared(run(tmp_path), run(tmp_path, SLOWER)), 0.1))
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
    lines = as_github(compared(run(tmp_path), run(tmp_path, SLOWER)), 0.1).splitlines()
    assert lines[0].startswith("::error title=slower than run0::asyncpg, ")
    lines = as_github(compared(run(tmp_path), run(tmp_path, SLOWER)), 0.5).splitlines()
    assert lines[0].startswith("::warning title=slower than run0::asyncpg, ")
    assert all(line.startswith("::") for line in lines)


def test_a_forest_plot_has_a_row_a_case_and_says_what_was_forced(tmp_path: Path) -> None:
    first = run(tmp_path)
    larger = DatasetFacts(scale=10.0, seed=7, digest="e")
    found = compared(first, run(tmp_path, SLOWER, dataset=larger))
    drawn = draw_comparison(found, select(first), tmp_path / "compare")
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
    first = run(tmp_path)
    found = compared(first, run(tmp_path, SLOWER))
    for _, figure in forest.figures(found, select(first)):
        for axes in figure.axes:
            assert not axes.patches
            rows = next(each for each in axes.collections if isinstance(each, LineCollection))
            assert len(axes.collections) <= 3, rows
