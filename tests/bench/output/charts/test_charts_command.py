"""`bench charts`, and a run that leaves the drawing to it."""

import re

from tests.bench.command import Bench


def test_charts_are_drawn_when_they_are_asked_for(bench: Bench) -> None:
    """A run without charts keeps all the rest, and says what to type for them."""
    done = bench.measure("--no-charts", "--backend=null", "--no-verify", "--scale=0.01")
    assert done.code == 0
    files = {each.name for each in bench.out.iterdir()}
    assert files == {"run.jsonl", "summary.csv", "report.html"}
    said = re.search(r"^charts   none drawn: bench (charts .+)$", done.out, re.M)
    assert said
    before = (bench.out / "summary.csv").read_bytes()
    assert bench(*said[1].split()).code == 0
    assert {each.suffix for each in (bench.out / "charts").iterdir()} == {".png", ".svg"}
    assert (bench.out / "summary.csv").read_bytes() == before
