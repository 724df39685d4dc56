"""`bench report`, as a user runs it."""

import json
import os
import re
from pathlib import Path
from shutil import copytree
from urllib.parse import quote, unquote

import pytest

from bench.results.file import RUN_FILE
from tests.bench.command import Bench
from tests.root import REFERENCE


@pytest.fixture(scope="module")
def part() -> str:
    """The file of a run with the first cases of the reference run."""
    text = (REFERENCE / RUN_FILE).read_text()
    header, *others = (json.loads(line) for line in text.splitlines())
    header["plan"] = header["plan"][:3]
    kept = [line for line in others if line.get("case", header["plan"][0]) in header["plan"]]
    return "".join(json.dumps(line) + "\n" for line in (header, *kept))


@pytest.fixture
def bench(tmp_path: Path, part: str) -> Bench:
    """A results folder with two runs. There is no database: a report needs the file alone."""
    for name in ("one", "two"):
        folder = tmp_path / "results" / name
        folder.mkdir(parents=True)
        (folder / RUN_FILE).write_text(part)
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
    """Forbid an index.html in a folder that is not the results folder."""
    away = bench.folder / "elsewhere" / "run"
    copytree(bench.folder / "results/one", away)
    assert bench("report", str(away), "--out", "page.html").code == 0
    assert (bench.folder / "page.html").is_file()
    assert sorted(path.name for path in away.parent.iterdir()) == ["run"]


def test_a_folder_named_as_a_script_is_a_link_to_a_file(bench: Bench) -> None:
    """Forbid a link `javascript:alert(1)/...` that runs, in the index and in a comparison."""
    home = bench.folder / "results"
    for name in ("javascript:alert(1)", 'a"b?#%20'):
        (home / "two").rename(home / name)
        done = bench("report", f"results/{name}", "results/one")
        assert done.code == 0, done.err
        page = f"{name}-vs-one.html"
        links = re.findall(r'href="([^"]*)"', (home / "index.html").read_text())
        links += re.findall(r'href="([^"]*)"', (home / page).read_text())
        assert f"./{quote(name, safe='')}/report.html" in links
        assert f"./{quote(page, safe='')}" in links
        assert not [
            address for address in links if address.partition(":")[0] not in ("data", address)
        ]
        for address in links:
            if not address.startswith(("#", "data:", "..")):
                (home / name / "report.html").touch()
                (home / "one" / "report.html").touch()
                assert (home / unquote(address.partition("#")[0])).is_file(), address
        (home / page).unlink()
        (home / name).rename(home / "two")


def test_a_folder_whose_name_is_no_text(bench: Bench) -> None:
    """Forbid a traceback in the index for a name that is not UTF-8."""
    home = bench.folder / "results"
    (home / "two").rename(home / os.fsdecode(b"\xff"))
    assert bench("report", "results/one").code == 0
    assert 'href="./%FF/' in (home / "index.html").read_text()


def test_a_report_is_written_to_a_device(bench: Bench) -> None:
    """Forbid that a file replaces /dev/stdout."""
    done = bench("report", "results/one", "--out", "/dev/stdout")
    assert done.code == 0, done.err
    assert done.out.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ((), 2, "Missing argument 'DIR...'"),
        (("results/none",), 2, "no run named 'results/none'"),
        (("results/one", "--out", "nowhere/page.html"), 2, "there is no folder nowhere"),
        (("results/one", "results/other"), 2, "error: datasets differ: scale "),
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
