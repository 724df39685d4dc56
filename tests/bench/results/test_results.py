"""run.jsonl: the reader returns what was recorded, and tells damage from a cut last line."""

import json
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cli.measurement import in_results
from bench.model.case import Case
from bench.model.errors import BenchError, UsageError
from bench.model.fetch import Fetch
from bench.results import archive
from bench.results.entries import End, Failure, Memory, Run
from bench.results.file import FORMAT, FolderExistsError, Recorder, load
from bench.results.header import Header
from bench.results.recording import SampleRecorder, gather
from bench.results.samples import LARGEST, Samples
from bench.results.schema import SamplesFields

NUMBERS = st.integers(0, LARGEST)
CASE = Case("orm+asyncpg", "get_customers", Fetch("batched", 1000), 4, "operation", "implicit")


@st.composite
def samples(draw: st.DrawFn) -> Samples:
    count = draw(st.integers(0, 30))
    columns = (
        array("q", draw(st.lists(NUMBERS, min_size=count, max_size=count))) for _ in range(5)
    )
    failed = st.dictionaries(st.integers(0, max(0, count - 1)), st.text(), max_size=min(4, count))
    return Samples(*columns, errors=draw(failed))


@given(samples())
def test_samples_survive_exactly(before: Samples) -> None:
    fields = msgspec.json.decode(json.dumps(before.as_dict()), type=SamplesFields)
    assert fields.samples() == before


def run_of(number: int = 0) -> Run:
    tally = SampleRecorder([5, 9], [8, 19], [1, 2], [1, 3])
    return Run(CASE, number, "2026-01-01", 10, gather([tally], 5), 1, None, 20, 3, 2, 2, 2)


HEADER = Header(plan=(CASE,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a results folder with a line of each kind."""
    recorder = Recorder(tmp_path / "out")
    recorder.header(HEADER)
    for entry in (Memory(CASE, 4096, 7), run_of(0), Failure(CASE, 1, "it: \u2603 died"), run_of(2)):
        recorder.add(entry)
    recorder.end("failed", reason="it died")
    recorder.close()
    return recorder.folder


def test_what_was_recorded_is_loaded(folder: Path) -> None:
    found = load(folder)
    assert found.header == HEADER
    assert found.memory == [Memory(CASE, 4096, 7)]
    assert found.runs == [run_of(0), run_of(2)]
    assert found.failures == [Failure(CASE, 1, "it: \u2603 died")]
    assert found.end == End("failed", "it died")
    assert found.cases == [CASE]
    assert found.damaged_line is None
    assert load(folder / "run.jsonl").runs == found.runs


def test_a_failed_stream_keeps_the_columns_aligned() -> None:
    """Forbids first rows that move to another client's samples, if all of one client's failed."""
    failing, well = SampleRecorder(), SampleRecorder([1, 2], [3, 4], [5, 5], [1, 1])
    failing.fail(1, 2, ValueError("no\nmore"), counted=True, streamed=True)
    gathered = gather([failing, well], 0)
    assert list(gathered.first_row_ns) == [0, 1, 1]
    assert list(gathered.worker) == [0, 1, 1]
    assert gathered.errors == {0: "ValueError: no"}
    assert gathered.error_classes == {"ValueError": 1}


def edit(folder: Path, change: Any) -> None:
    file = folder / "run.jsonl"
    file.write_bytes(change(file.read_bytes()))


def replaced(number: int, text: bytes) -> Any:
    def change(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        return b"".join([*lines[:number], text + b"\n", *lines[number + 1 :]])

    return change


def test_a_last_line_that_was_cut_is_left_out(folder: Path) -> None:
    edit(folder, lambda content: content[:-400])  # the end, and some of the run before it
    found = load(folder)
    assert found.damaged_line == 5
    assert found.runs == [run_of(0)]


RUN = json.dumps(run_of().as_dict())


@pytest.mark.parametrize(
    "text",
    [
        b"{garbage",
        b"\xff\xfe\x00binary",
        b"",
        b"[1, 2]",
        b"null",
        b'{"kind": "rum"}',
        b'{"kind": "run"}',
        b"1" * 5000,
        RUN.replace("batched:1000", "batchd").encode(),
        RUN.replace('"rows": "eF', '"rows": "fK').encode(),
        RUN.replace('"loop"', '"lop"').encode(),
    ],
)
def test_a_damaged_line_is_named(folder: Path, text: bytes) -> None:
    edit(folder, replaced(2, text))
    with pytest.raises(BenchError, match=r"run\.jsonl is damaged at line 3\.\n") as caught:
        load(folder)
    assert not isinstance(caught.value, UsageError)


@pytest.mark.parametrize(
    "text",
    [
        b"{garbage",
        b"\xff\x00",
        b"[]",
        b'{"kind": "run"}',
        b'{"kind": "header"}',
        b'{"kind": "header", "format": "1", "plan": []}',
        b'{"kind": "header", "format": 1}',
    ],
)
def test_a_damaged_header(folder: Path, text: bytes) -> None:
    edit(folder, replaced(0, text))
    with pytest.raises(BenchError, match="does not begin with a header line"):
        load(folder)


def test_an_empty_file(folder: Path) -> None:
    edit(folder, lambda content: b"")
    with pytest.raises(BenchError, match="does not begin with a header line"):
        load(folder)


def test_a_newer_format(folder: Path) -> None:
    edit(folder, replaced(0, b'{"kind": "header", "format": 99}'))
    with pytest.raises(BenchError, match=f"has format 99; this version reads up to {FORMAT}"):
        load(folder)


def test_the_format_before_is_read(folder: Path) -> None:
    """Forbids that an update makes a user's older results unreadable."""
    edit(folder, lambda content: content.replace(f'"format":{FORMAT}'.encode(), b'"format":1'))
    assert load(folder).runs == [run_of(0), run_of(2)]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"cannot read .*: No such file or directory"):
        load(tmp_path)


def test_a_folder_for_nothing_is_taken_back(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a" / "out")
    recorder.end("failed", reason="nothing began")
    recorder.close()
    assert not (tmp_path / "a" / "out").exists()


def test_a_disk_that_is_full_before_the_first_run_keeps_no_folder(tmp_path: Path) -> None:
    """Defect: the error named `bench charts` for a file without a header, which was left behind."""
    recorder = Recorder(tmp_path / "out")
    recorder._file.close()
    recorder._file = open("/dev/full", "w")  # noqa: PTH123, SIM115
    with pytest.raises(BenchError, match=r"No space left on device.\nMake room there, or choose"):
        recorder.header(HEADER)
    recorder.end("failed", reason="the disk is full")
    recorder.close()
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for folder in (tmp_path / "out", tmp_path):
        with pytest.raises(FolderExistsError, match=r"exists already.*\n.*--out"):
            Recorder(folder)
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match=r"cannot write results to .*: Not a directory"):
        Recorder(tmp_path / "file" / "out")


def test_runs_of_one_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids advice to leave out --out for a run that has no --out."""
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path))
    recorders = [in_results("laptop", Recorder) for _ in range(5)]
    for number, recorder in enumerate(recorders):
        recorder.header(replace(HEADER, created_at=f"2026-01-0{number + 1}"))
        recorder.close()
    assert len({recorder.folder for recorder in recorders}) == 5
    labels = {recorder.folder.name.partition("Z-")[2] for recorder in recorders}
    assert labels == {"laptop"}
    assert archive.find("laptop", archive.home()) == recorders[-1].folder


def test_a_place_for_results_that_cannot_be_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path))
    (tmp_path / "results").touch()
    with pytest.raises(BenchError, match=r"cannot write results to .*Not a directory.*\n.*--out"):
        in_results("laptop", Recorder)
