"""`bench report`, as a user runs it."""

import json
from pathlib import Path
from shutil import copytree

import pytest

from bench.results.file import RUN_FILE
from tests.bench.command import Bench
from tests.root import REFERENCE


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """No database: a report is made from the file alone."""
    home = tmp_path / "results"
    for name in ("one", "two"):
        copytree(REFERENCE, home / name, ignore=lambda *_: ["charts", "report.html"])
    return Bench(tmp_path)


def test_one_folder_gets_its_report_again_and_the_index(bench: Bench) -> None:
    done = bench("report", "results/one")
    assert (done.code, done.out) == (0, "report   results/one/report.html\n")
    assert "<title>reference" in (bench.folder / "results/one/report.html").read_text()
    assert "one/report.html" in (bench.folder / "results/index.html").read_text()


def test_several_folders_give_a_comparison_beside_the_first(bench: Bench) -> None:
    done = bench("report", "results/one", "results/two")
    assert (done.code, done.out) == (0, "report   results/one-vs-two.html\n")
    assert "one-vs-two.html" in (bench.folder / "results/index.html").read_text()


def test_a_report_goes_where_it_is_told_and_writes_no_index_elsewhere(bench: Bench) -> None:
    """Nobody asked for an index.html in a folder that is not ours."""
    away = bench.folder / "elsewhere" / "run"
    copytree(bench.folder / "results/one", away)
    assert bench("report", str(away), "--out", "page.html").code == 0
    assert (bench.folder / "page.html").is_file()
    assert sorted(path.name for path in away.parent.iterdir()) == ["run"]


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ((), 2, "Missing argument 'DIR...'"),
        (("results/none",), 1, "cannot read results/none/run.jsonl"),
        (("results/one", "--out", "nowhere/page.html"), 2, "there is no folder nowhere"),
        (("results/one", "results/other"), 2, "measured different rows"),
        (("results/empty",), 1, "holds no finished run"),
    ],
)
def test_a_mistake_is_told_in_a_line_or_two(
    bench: Bench, arguments: tuple[str, ...], code: int, error: str
) -> None:
    header, *lines = (bench.folder / "results/one" / RUN_FILE).read_text().splitlines()
    changed = json.loads(header)
    changed["dataset"]["content"] = "others"
    for name, text in (("other", [json.dumps(changed), *lines]), ("empty", [header])):
        (bench.folder / "results" / name).mkdir()
        (bench.folder / "results" / name / RUN_FILE).write_text("\n".join(text) + "\n")
    done = bench("report", *arguments)
    assert done.code == code
    assert error in done.err
    assert len(done.error) <= 3
