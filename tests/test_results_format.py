"""docs/results-format.md describes every field and column that there is, and no other."""

import csv
import json
import os
import subprocess
import sys
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.model.case import Case
from bench.model.link import Link
from bench.model.pool import Pool
from bench.results import file as results
from bench.results.entries import Arrived, Failure
from bench.results.header import Header
from bench.results.samples import Samples, SamplesInPieces
from bench.server.embedded import EmbeddedServer
from tests.bench import synthetic
from tests.databases import new_database
from tests.documents import ROOT, blocks, described, section

DOCUMENT = ROOT / "docs" / "results-format.md"

MAPS = {
    "verified": "<backend>",
    "impossible": "<case>",
    "environment.server.settings": "<name>",
    "environment.server.changed_settings": "<name>",
    "backends": "<name>",
    "backends.<name>.card": "<point>",
    "backends.<name>.versions": "<package>",
    "samples.errors": "<position>",
    "seconds": "<stage>",
}
"""Objects whose keys are data; what the document calls such a key."""

IN_WORDS = {"memory": {"case"}, "failure": {"case"}, "samples": {"samples"}}
"""Objects that the document describes once, under `run`."""


@pytest.fixture(scope="module")
def folder(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The results of a real run, small but with every kind of figure in it."""
    out = tmp_path_factory.mktemp("results") / "run"
    words = ["run", "--profile", "smoke", "--rounds", "1", "--seconds", "0.01", "--quiet"]
    for backend in ("asyncpg", "psycopg2", "core+asyncpg"):
        words += ["--backend", backend]
    words += ["--fetch", "buffered", "--fetch", "streamed", "--concurrency", "1", "--out", str(out)]
    words += ["--session-scope", "task", "--transactions", "autocommit"]
    with new_database(server) as database:
        done = subprocess.run(
            [sys.executable, "-m", "bench.cli", *words],
            env=os.environ | {"DATABASE_URL": database.url},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        yield out


def lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    text = (folder / "run.jsonl").read_text(encoding="utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line["kind"] == kind]


def fields(value: Any, path: str = "", whole: frozenset[str] = frozenset()) -> Iterator[str]:
    """The dotted names of all that is in a line."""
    if not isinstance(value, dict) or path in whole:
        yield f"{path}[]" if isinstance(value, list) else path
        return
    for key, inner in value.items():
        name = MAPS.get(path, key)
        yield from fields(inner, f"{path}.{name}" if path else name, whole)


def found_in(found: list[dict[str, Any]], kind: str) -> set[str]:
    whole = frozenset(IN_WORDS.get(kind, ()))
    return {name for line in found for name in fields(line, whole=whole)}


def documented(heading: str) -> set[str]:
    names = described(section(DOCUMENT, heading))
    assert len(names) == len(set(names)), "something is described twice"
    return set(names)


def test_the_header(folder: Path) -> None:
    found = found_in(lines(folder, "header"), "header")
    git = {"environment.git.revision", "environment.git.changed"}
    if "environment.git" in found:  # null: not in a checkout
        found = found - {"environment.git"} | git
    told_by_linux = {"environment.host.cpu_generation"}
    of_pinned_runs = {"pinned.clients[]", "pinned.server[]"}  # see test_pinning.py
    assert found | told_by_linux | of_pinned_runs == documented("### header")


def test_a_run(folder: Path) -> None:
    failed = Samples(errors={0: "ValueError: no"})
    whole = lines(folder, "run")
    broken = whole[0] | {"samples": failed.as_dict()}
    streamed = Case(
        "asyncpg", "get_customers", size=10, frozen=True, allocator="fresh", connect="a.b=1",
        rate=5, arrivals="uniform", processes=2, link=Link(2, 1, 1.0), transport="tcp",
        pool=Pool(2, 0.5, 4),
    ).as_dict()  # fmt: skip
    column = array("q", [1])
    at_rate = whole[0] | {
        "arrived": vars(Arrived(1, 0, 0)),
        "samples": Samples(
            column, column, array("q"), column, column, wait_ns=column, late_ns=column
        ).as_dict(),
    }
    shared = {"start_skew_ns": 1, "clock_error_ns": 1, "think_ns": 1}
    *_, in_pieces = pieces_of_a_run()
    odd = [broken, at_rate, whole[0] | {"case": streamed} | shared, in_pieces]
    found = found_in([*whole, *odd], "run")
    assert found == documented("### run")


def pieces_of_a_run() -> list[dict[str, Any]]:
    """Return the lines of a run whose samples are in two pieces."""
    made = replace(synthetic.constant_run(Case("null", "mixed"), 0, 10**8), samples=Halves())
    return list(made.lines())


class Halves(SamplesInPieces):
    def __len__(self) -> int:
        return 2

    def pieces(self) -> Iterator[Samples]:
        for number in range(2):
            column = array("q", [number])
            yield Samples(column, column, array("q"), column, column)


def test_a_piece_of_samples() -> None:
    *pieces, _ = pieces_of_a_run()
    assert len(pieces) == 2
    assert found_in(pieces, "samples") == documented("### samples")


def test_a_memory(folder: Path) -> None:
    assert found_in(lines(folder, "memory"), "memory") == documented("### memory")


def test_a_failure() -> None:
    line = Failure(Case("asyncpg", "mixed"), 0, "its process died").as_dict()
    assert found_in([line], "failure") == documented("### failure")


def test_the_end(folder: Path, tmp_path: Path) -> None:
    recorder = results.Recorder(tmp_path / "failed")
    recorder.header(Header())
    recorder.end("failed", reason="the server went away")
    recorder.close()
    ends = lines(folder, "end") + lines(tmp_path / "failed", "end")
    assert found_in(ends, "end") == documented("### end")
    (end,) = lines(folder, "end")
    assert end["outcome"] == "complete"
    assert "windows" in end["seconds"]


def test_the_columns_of_summary_csv(folder: Path) -> None:
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as file:
        columns = csv.DictReader(file).fieldnames
    assert columns is not None
    names = described(section(DOCUMENT, "## summary.csv"))
    assert sorted(names) == sorted(columns)


NOT_DRAWN_HERE = {"processes-", "throughput-", "time-", "allocator-", "connect-", "loop-"}
"""Charts of several processes, of several numbers of clients, of a statement of the user's own, and
of settings that are measured beside each other. Their own tests draw them."""


def test_the_charts(folder: Path) -> None:
    kinds = tuple(name.removesuffix("<workload>") for name in documented("## charts/"))
    reference = [ROOT / "results" / name for name in ("reference", "reference-streaming")]
    drawn = {path.stem for run in (folder, *reference) for path in (run / "charts").iterdir()}
    assert [name for name in drawn if not name.startswith(kinds)] == []
    never = {kind for kind in kinds if not any(name.startswith(kind) for name in drawn)}
    assert never <= NOT_DRAWN_HERE


def test_the_format_is_the_documented_one() -> None:
    assert f"`format` is {results.FORMAT} " in DOCUMENT.read_text(encoding="utf-8")


def test_the_example_reads_what_was_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = blocks(DOCUMENT, "python")
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(compile(example, DOCUMENT.name, "exec"), names)
    runs = results.load(folder).runs
    assert len(capsys.readouterr().out.splitlines()) == len(runs)
    for run, line in zip(runs, names["runs"], strict=True):
        assert list(names["starts"](line["samples"])) == list(run.samples.start_ns)
        for column in ("duration_ns", "first_row_ns", "rows", "worker"):
            assert names["unpack"](line["samples"][column]) == list(getattr(run.samples, column))
