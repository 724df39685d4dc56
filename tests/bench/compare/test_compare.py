"""Runs against each other: found, refused, told in four formats, and stopped at the gate."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.case import Case, Fetch
from bench.charts import draw_comparison, draw_history
from bench.compare.comparison import Comparison, compare_runs, names_of
from bench.compare.differences import differences
from bench.compare.history import cases_of, history
from bench.compare.text import as_github, as_json, as_markdown
from bench.errors import UsageError
from bench.figure import FIGURES, THROUGHPUT
from bench.results import archive
from bench.results.entries import Run
from bench.results.file import Recorder, Results
from tests.bench import synthetic
from tests.bench.command import Bench
from tests.bench.synthetic import constant_run

POINT = Case("asyncpg", synthetic.POINT)
MANY = Case("psycopg2", synthetic.MANY, Fetch("streamed"), loop="none")
TWIN = replace(POINT, twin=True)
NOISE = (1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.005, 0.995)


def run(
    folder: Path, slowdowns: dict[Case, float] | None = None, rounds: int = 8, **changes: Any
) -> Results:
    """A run of these cases, each operation so many times a millisecond."""
    cases = slowdowns or {POINT: 1.0, MANY: 1.0, TWIN: 1.0}
    runs: list[Run] = []
    for case, slowdown in cases.items():
        for number, noise in enumerate(NOISE[:rounds]):
            runs.append(constant_run(case, number, round(1_000_000 * slowdown * noise)))
    return Results(folder, synthetic.header(list(cases), rounds, **changes), runs)


def compared(*runs: Results, figure: str = "throughput") -> Comparison:
    named = [(f"run{number}", each) for number, each in enumerate(runs)]
    return compare_runs(named, FIGURES[figure])


SLOWER = {POINT: 1.25, MANY: 1.0, TWIN: 1.25}


def test_a_slowdown_is_told_from_what_stayed(tmp_path: Path) -> None:
    found = compared(run(tmp_path), run(tmp_path, SLOWER), run(tmp_path, {MANY: 0.5}))
    assert [row.case for row in found.rows] == [POINT, MANY]
    assert list(found.workloads) == [synthetic.POINT, synthetic.MANY]
    point, many = found.rows
    assert [v and v.word for v in point.verdicts] == ["slower", None]
    assert [v and v.word for v in many.verdicts] == ["indistinguishable", "faster"]


def test_only_what_both_measured_is_compared(tmp_path: Path) -> None:
    assert compared(run(tmp_path, {POINT: 1.0}), run(tmp_path, {MANY: 1.0})).rows == ()


def test_a_difference_counts_beyond_the_noise_of_either_run(tmp_path: Path) -> None:
    noisy = run(tmp_path, {POINT: 1.25, TWIN: 2.0})
    (row,) = compared(run(tmp_path, {POINT: 1.0}), noisy).rows
    assert [v and v.word for v in row.verdicts] == ["indistinguishable"]


def test_what_others_took_in_either_run_may_be_the_difference(tmp_path: Path) -> None:
    """Forbids a gate that stops a change because a neighbour was at work: it was seen to."""

    def crowded(results: Results, share: float) -> Results:
        runs = [replace(r, other_cpu_ns=round(2 * share * r.elapsed_ns)) for r in results.runs]
        return replace(results, runs=runs)

    alone, slower = run(tmp_path, {POINT: 1.0}), run(tmp_path, {POINT: 1.5})
    assert compared(alone, slower).worse_than(0.1)
    assert compared(crowded(alone, 0.1), crowded(slower, 0.2)).worse_than(0.1)
    for one, other in ((0.0, 0.4), (0.4, 0.0)):
        found = compared(crowded(alone, one), crowded(slower, other))
        assert found.worse_than(0.1) == []
        (verdict,) = found.rows[0].verdicts
        assert verdict is not None
        assert verdict.floor == pytest.approx(1 / 0.6)


@pytest.mark.parametrize("figure", ["throughput", "p50"])
def test_the_gate_stops_a_slowdown_of_a_fifth_and_nothing_else(tmp_path: Path, figure: str) -> None:
    found = compared(run(tmp_path), run(tmp_path, SLOWER), figure=figure)
    assert [(name, case) for name, case, _ in found.worse_than(0.10)] == [("run1", POINT)]
    assert found.worse_than(0.30) == []
    assert compared(run(tmp_path), run(tmp_path), figure=figure).worse_than(0) == []
    faster = {POINT: 0.8, MANY: 1.0}
    assert compared(run(tmp_path), run(tmp_path, faster), figure=figure).worse_than(0) == []


def test_the_gate_asks_for_the_margin_at_the_kinder_end_of_the_interval(tmp_path: Path) -> None:
    """Forbids to stop a change for a slowdown that may be smaller than what is allowed."""
    found = compared(run(tmp_path), run(tmp_path, {POINT: 1.11}))
    ((_, _, verdict),) = found.worse_than(0.05)
    assert verdict.ratio is not None
    assert verdict.ratio.median == pytest.approx(1 / 1.11, rel=0.01)
    assert found.worse_than(0.10) == []


def test_three_rounds_stop_nothing(tmp_path: Path) -> None:
    found = compared(run(tmp_path, rounds=3), run(tmp_path, SLOWER, rounds=3))
    assert found.worse_than(0) == []
    assert {v and v.word for row in found.rows for v in row.verdicts} == {"undecided"}


def test_what_differs_around_is_told_first(tmp_path: Path) -> None:
    environment = synthetic.header([])["environment"]
    other = environment | {"python": "3.13.0", "server": {"version": "17.2"}}
    headers = [run(tmp_path).header, run(tmp_path, environment=other, seconds=1.0).header]
    told = [str(each) for each in differences(headers)]
    assert "seconds: 0.2 -> 1.0" in told
    assert "server.version: 18.0 -> 17.2" in told
    assert "python: 3.11.7 -> 3.13.0" in told
    assert "server.transport: unix socket -> -" in told
    assert differences([headers[0], headers[0]]) == []


def test_the_load_of_the_moment_is_no_difference(tmp_path: Path) -> None:
    environments = [{"host": {"cores": 2, "load_1min": load}} for load in (0.1, 7.0)]
    headers = [run(tmp_path, environment=each).header for each in environments]
    assert differences(headers) == []


def test_what_older_files_do_not_tell_is_no_difference() -> None:
    """Forbids to call a machine unlike itself as soon as more is told of it."""

    def header(**host: str) -> dict[str, Any]:
        return {"environment": {"host": {"cpu": "AMD EPYC"} | host}}

    older = header()
    newer = header(cpu_generation="family 25, model 17")
    other = header(cpu_generation="family 25, model 1")
    assert differences([older, newer]) == []
    assert [each.what for each in differences([older, newer, other])] == ["host.cpu_generation"]


def test_unlike_datasets_and_loops_are_obstacles(tmp_path: Path) -> None:
    larger = {"scale": 10.0, "seed": 7, "digest": "e"}
    uvloop = {replace(POINT, loop="uvloop"): 1.0}
    assert compared(run(tmp_path), run(tmp_path)).obstacles == ()
    assert compared(run(tmp_path), run(tmp_path, dataset=larger)).obstacles == (
        "datasets differ: scale 1.0 (d) and scale 10.0 (e)",
    )
    found = compared(run(tmp_path, {POINT: 1.0}), run(tmp_path, uvloop))
    assert found.obstacles == ("event loops differ: asyncio and uvloop",)
    assert [row.case for row in found.rows] == [POINT]


def test_what_to_know_of_each_run_stands_under_its_comparison(tmp_path: Path) -> None:
    found = compared(run(tmp_path), run(tmp_path, rounds=3))
    assert [[each.symptom for each in own] for own in found.cautions] == [
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
        f"**{synthetic.POINT}**\n\n| case | run1 |\n| --- | --- |\n| asyncpg, at 1 | 0.80x" in text
    )
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {3}


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
    larger = {"scale": 10.0, "seed": 7, "digest": "e"}
    found = compared(first, run(tmp_path, SLOWER, dataset=larger))
    drawn = draw_comparison(found, first, tmp_path / "compare")
    assert {path.name for path in drawn} == {
        f"forest-{workload}.{kind}"
        for workload in (synthetic.POINT, synthetic.MANY)
        for kind in ("png", "svg")
    }
    text = " ".join(
        ET.parse(tmp_path / f"compare/forest-{synthetic.POINT}.svg").getroot().itertext()
    )
    for words in ("asyncpg, at 1", "run1 / run0", "COMPARED BY FORCE"):
        assert words in text


def recorded(folder: Path, results: Results, created_at: str) -> Path:
    recorder = Recorder(folder)
    recorder.header(results.header | {"created_at": created_at})
    for each in results.runs:
        recorder.add(each)
    recorder.end("complete")
    recorder.close()
    return folder


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A results folder: two runs of one label, an older one, and a reference that is newest."""
    shelf = tmp_path / "results"
    for name, day, slowdowns in (
        ("2026-01-02T00-00-00Z-laptop", "02", None),
        ("2026-01-03T00-00-00Z-laptop", "03", SLOWER),
        ("odd", "01", None),
        ("reference", "09", None),
    ):
        recorded(shelf / name, run(tmp_path, slowdowns), f"2026-01-{day}")
    (shelf / "empty").mkdir()
    (shelf / "broken").mkdir()
    (shelf / "broken" / "run.jsonl").write_text("{garbage")
    return shelf


def test_runs_are_found_by_word_name_place_and_label(shelf: Path) -> None:
    older, newer = shelf / "2026-01-02T00-00-00Z-laptop", shelf / "2026-01-03T00-00-00Z-laptop"
    assert archive.runs(shelf) == [shelf / "odd", older, newer]
    found = {"latest": newer, "previous": older, "reference": shelf / "reference"}
    found |= {"laptop": newer, "odd": shelf / "odd", str(older): older}
    for name, place in found.items():
        assert archive.find(name, shelf) == place


def test_a_run_that_is_not_there(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run named 'labtop': did you mean"):
        archive.find("labtop", shelf)
    with pytest.raises(UsageError, match=r"there is no latest run: .* holds 0 runs\. Try"):
        archive.find("latest", tmp_path / "nowhere")


def test_runs_are_called_by_label_where_that_tells_them_apart() -> None:
    one, other = Path("2026-01-02T00-00-00Z-laptop"), Path("2026-01-03T00-00-00Z-desk")
    assert names_of([one, other]) == ["laptop", "desk"]
    same = Path("2026-01-03T00-00-00Z-laptop")
    assert names_of([one, same]) == [one.name, same.name]
    assert names_of([Path("/a/out"), Path("/b/out")]) == ["/a/out", "/b/out"]


def test_the_command_compares_draws_and_gates(shelf: Path, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    done = bench("compare", "previous", "latest", "--fail-on", "10%")
    assert done.code == 1
    assert "slower by more than 10% in 2026-01-03T00-00-00Z-laptop: asyncpg" in done.err
    assert "0.80x" in done.out
    assert list((shelf / "compare").rglob("forest-*.png"))
    assert bench("compare", "odd", "reference", "--fail-on", "0%", "--no-charts").code == 0


def test_the_command_refuses_what_answers_different_questions(shelf: Path, tmp_path: Path) -> None:
    larger = run(tmp_path, dataset={"scale": 10.0, "seed": 7, "digest": "e"})
    recorded(shelf / "larger", larger, "2026-01-04")
    bench = Bench(tmp_path)
    done = bench("compare", "odd", "larger")
    assert done.code == 2
    assert done.error == [
        "error: datasets differ: scale 1.0 (d) and scale 10.0 (e).",
        "Their figures answer different questions. Compare them anyway with --force.",
    ]
    forced = bench("compare", "odd", "larger", "--force", "--no-charts")
    assert forced.code == 0
    assert forced.out.startswith("COMPARED BY FORCE: datasets differ")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["latest"], "one run is nothing to compare"),
        (["latest", "nowhere"], "no run named 'nowhere'"),
        (["latest", "previous", "--fail-on", "much"], "'much' is no share: write 10% or 0.1"),
        (["latest", "previous", "--figure", "speed"], "no figure named 'speed'"),
        (["latest", "previous", "--figure", "first-row"], "have no case in common with first-row"),
    ],
)
def test_bad_input_is_told_in_a_line_or_two(
    shelf: Path, tmp_path: Path, words: list[str], error: str
) -> None:
    done = Bench(tmp_path)("compare", *words)
    assert done.code == 2
    assert error in done.err
    assert len(done.error) <= 2


def test_a_history_follows_a_case_and_says_what_changed(tmp_path: Path) -> None:
    environment = synthetic.header([])["environment"] | {"python": "3.13.0"}
    runs = [
        ("a", run(tmp_path)),
        ("without", run(tmp_path, {MANY: 1.0})),
        ("b", run(tmp_path, SLOWER, environment=environment)),
    ]
    moments = history(runs, THROUGHPUT, lambda case: case.backend == "asyncpg")
    assert [moment.name for moment in moments] == ["a", "b"]
    assert cases_of(moments) == [POINT]
    first, second = (moment.figures[POINT].median for moment in moments)
    assert first / second == pytest.approx(1.25, rel=0.01)
    assert [str(change) for change in moments[1].changes] == ["python: 3.11.7 -> 3.13.0"]
    drawn = draw_history(moments, THROUGHPUT, [each for _, each in runs], tmp_path / "h", "name")
    text = " ".join(ET.parse(drawn[1]).getroot().itertext())
    assert "python" in text
    assert "asyncpg, at 1" in text


def test_the_command_of_history(shelf: Path, tmp_path: Path) -> None:
    (shelf / "broken" / "run.jsonl").unlink()
    bench = Bench(tmp_path)
    done = bench("history", "--backend", "asyncpg")
    assert done.code == 0
    assert [line.split()[-1] for line in done.out.splitlines() if "2026" in line[:8]] == [
        "odd", "2026-01-02T00-00-00Z-laptop", "2026-01-03T00-00-00Z-laptop"
    ]  # fmt: skip
    assert (shelf / "history" / f"throughput-{synthetic.POINT}.png").is_file()
    done = bench("history", "--backend", "nobody")
    assert done.code == 2
    assert "no run in" in done.error[0]
