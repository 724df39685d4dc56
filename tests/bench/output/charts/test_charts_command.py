"""`bench charts`, and a run without charts."""

import json
import re
import shutil

import pytest

from bench.results.file import RUN_FILE
from tests.bench.command import Bench
from tests.root import REFERENCE

WAY_OUT = "/../../../x"


def test_charts_are_drawn_when_they_are_asked_for(bench: Bench) -> None:
    """A run without charts makes all other output, and says what to type for the charts."""
    done = bench.measure("--no-charts", "--backend=null", "--no-verify", "--scale=0.01")
    assert done.code == 0
    files = {path.name for path in bench.out.iterdir()}
    assert files == {"run.jsonl", "summary.csv", "report.html"}
    said = re.search(r"^charts   none drawn: bench (charts .+)$", done.out, re.M)
    assert said
    before = (bench.out / "summary.csv").read_bytes()
    assert bench(*said[1].split()).code == 0
    assert {path.suffix for path in (bench.out / "charts").iterdir()} == {".png", ".svg"}
    assert (bench.out / "summary.csv").read_bytes() == before


@pytest.fixture
def crafted(bench: Bench) -> Bench:
    """The results of a run whose workload has a name that leads out of the folder."""
    shutil.copytree(REFERENCE, bench.out)
    file = bench.out / RUN_FILE
    for name in ("get_total_cost_of_an_order", "mixed"):
        file.write_text(file.read_text().replace(f'"{name}"', json.dumps(WAY_OUT)))
    return bench


def test_no_chart_is_drawn_outside_of_the_folder(crafted: Bench) -> None:
    """Forbid a PNG at /x for a workload `/../../../x`, also if the folder on its path exists."""
    (crafted.out / "charts" / "throughput-").mkdir()
    before = {path for path in crafted.folder.rglob("*") if crafted.out not in path.parents}
    crafted("charts", str(crafted.out))
    after = {path for path in crafted.folder.rglob("*") if crafted.out not in path.parents}
    assert after == before
    drawn = crafted.out / "charts"
    assert {path.parent for path in drawn.rglob("*.png")} <= {drawn}


def test_what_is_linked_is_not_written_through(bench: Bench) -> None:
    """Forbid writing through symbolic links at summary.csv, report.html and charts/."""
    shutil.copytree(REFERENCE, bench.out)
    (bench.folder / "victim").mkdir()
    (bench.folder / "victim.txt").write_text("mine")
    for name in ("summary.csv", "report.html"):
        (bench.out / name).unlink(missing_ok=True)
        (bench.out / name).symlink_to(bench.folder / "victim.txt")
    chart = bench.out / "charts" / "overview.png"
    chart.unlink()
    chart.symlink_to(bench.folder / "victim.txt")
    assert bench("charts", str(bench.out)).code == 0
    assert (bench.folder / "victim.txt").read_text() == "mine"
    assert not any(path.is_symlink() for path in bench.out.rglob("*"))

    shutil.rmtree(bench.out / "charts")
    (bench.out / "charts").symlink_to(bench.folder / "victim")
    refused = bench("charts", str(bench.out))
    assert refused.code == 1
    assert "charts: it is a symbolic link, which is not followed" in refused.error[0]
    assert list((bench.folder / "victim").iterdir()) == []
