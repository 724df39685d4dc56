"""Runs that were kept: found by name, compared by the command, followed through time."""

import os
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.compare.comparison import names_of
from bench.analysis.compare.history import cases_of, history
from bench.analysis.figure import THROUGHPUT
from bench.model.errors import UsageError
from bench.output.charts import draw_history
from bench.results import archive
from bench.results.file import Recorder, Results
from bench.results.header import DatasetFacts
from tests.bench import synthetic
from tests.bench.analysis.compare.made_runs import MANY, POINT, SLOWER, run
from tests.bench.command import Bench


def recorded(folder: Path, results: Results, created_at: str) -> Path:
    recorder = Recorder(folder)
    recorder.header(replace(results.header, created_at=created_at))
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
    same = ("compare", "odd", "reference", "--no-charts", "--fail-on")
    assert bench(*same, "10%").code == 0


def test_a_gate_that_could_not_see_its_margin_is_not_green(shelf: Path, tmp_path: Path) -> None:
    """Defect: a uniform slowdown of 1.2 passed a gate of 10 % whose noise floor was 1.35."""
    bench = Bench(tmp_path)
    same = ("compare", "odd", "reference", "--no-charts", "--fail-on", "1%")
    done = bench(*same)
    assert done.code == 3
    assert "blind: 2 of 2 cases could be slower by 1%, unseen" in done.err
    assert "Smallest slowdown that would be seen in reference" in done.out
    assert bench(*same, "--allow-blind").code == 0


def test_what_is_suspected_comes_with_the_command_that_measures_it_again(
    shelf: Path, tmp_path: Path
) -> None:
    done = Bench(tmp_path)("compare", "previous", "latest", "--no-charts", "--fail-on", "10%")
    (told,) = [line for line in done.err.splitlines() if line.startswith("To measure them again")]
    stamp = "2026-01-0{}T00-00-00Z-{}"
    names = stamp.format(2, "laptop"), stamp.format(3, "laptop")
    assert f"bench gate {names[0]} --first {names[1]} --fail-on 10% --figure throughput" in told


def test_the_command_refuses_what_answers_different_questions(shelf: Path, tmp_path: Path) -> None:
    larger = run(tmp_path, dataset=DatasetFacts(scale=10.0, seed=7, digest="e"))
    recorded(shelf / "larger", larger, "2026-01-04")
    bench = Bench(tmp_path)
    done = bench("compare", "odd", "larger")
    assert done.code == 2
    assert done.error == [
        "error: datasets differ: scale 1.0 (d) and scale 10.0 (e).",
        "Their figures answer different questions. To compare them anyway, add --force.",
    ]
    forced = bench("compare", "odd", "larger", "--force", "--no-charts")
    assert forced.code == 0
    assert forced.out.startswith("COMPARED BY FORCE: datasets differ")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["latest"], "compare needs two runs"),
        (["latest", "nowhere"], "no run named 'nowhere'"),
        (["latest", os.devnull], "no results folder: it has no run.jsonl"),
        (["latest", "previous", "--fail-on", "much"], "'much' is not a share: write 10% or 0.1"),
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
    environment = replace(synthetic.ENVIRONMENT, python="3.13.0")
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
    newest = runs[-1][1]
    described = newest.header.backends
    drawn = draw_history(moments, THROUGHPUT, newest, described, tmp_path / "h", "name")
    text = " ".join(ET.parse(drawn[1]).getroot().itertext())
    assert "python" in text
    assert "asyncpg, at 1" in text


def test_a_history_has_the_conditions_of_the_newest_run_that_it_shows(
    shelf: Path, tmp_path: Path
) -> None:
    """Forbid the rounds and versions of a later run without the case below the chart."""
    other = replace(synthetic.ENVIRONMENT, python="3.99.0")
    later = run(tmp_path, {MANY: 1.0}, environment=other)
    recorded(shelf / "2026-01-04T00-00-00Z-other", later, "2026-01-04")
    assert Bench(tmp_path)("history", "--backend", "asyncpg").code == 0
    drawn = (shelf / "history" / f"throughput-{synthetic.POINT}.svg").read_text()
    assert "3.99.0" not in drawn
    words = " ".join(" ".join(ET.fromstring(drawn).itertext()).split())
    assert "At the bottom: the conditions of the newest run." in words


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


def test_a_backend_that_no_run_has_is_refused(shelf: Path, tmp_path: Path) -> None:
    """Defect: of `--backend asyncpg --backend nonsense`, the unknown one was left out."""
    bench = Bench(tmp_path)
    done = bench("history", "--backend", "asyncpg", "--backend", "asynpg")
    assert done.code == 2
    assert done.error[0].endswith("has a backend named 'asynpg'. Did you mean 'asyncpg'?")
    assert done.error[1].startswith("They have asyncpg")
    assert len(done.error) == 2


@pytest.mark.parametrize(
    "words", [["charts"], ["report"], ["export", "--format", "csv"], ["compare", "latest"]]
)
def test_a_run_is_named_alike_in_every_command(
    shelf: Path, tmp_path: Path, words: list[str]
) -> None:
    """Defect: an unknown run was exit 2 in `bench compare`, and exit 1 in the others."""
    done = Bench(tmp_path)(*words, "latist")
    assert done.code == 2
    assert done.error[0].startswith("error: no run named 'latist': did you mean 'latest'?")
