"""The check of a file when it is read: each kind of damage has its message, and no traceback."""

import base64
import json
import os
import re
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench.model.case import Case
from bench.model.errors import BenchError
from bench.results import source
from bench.results.archive import LeftOut, find, runs, scan
from bench.results.file import FORMAT, RUN_FILE, Recorder, load
from tests.bench import synthetic
from tests.bench.results.damage import valid

HEADER, *LINES = (json.loads(line) for line in valid(False).splitlines())
RUN = next(number for number, line in enumerate(LINES) if line["kind"] == "run")


def written(folder: Path, *lines: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / RUN_FILE).write_text("".join(text + "\n" for text in texts))
    return folder


def refusal(folder: Path) -> str:
    """Return the two lines of the error of reading it."""
    with pytest.raises(BenchError) as caught:
        load(folder)
    text = str(caught.value)
    assert len(text.splitlines()) == 2
    assert caught.value.exit_code == 1
    return text


def changed(line: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    line = json.loads(json.dumps(line))
    *above, last = path.split(".")
    inner = line
    for key in above:
        inner = inner[key]
    inner[last] = value
    return line


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("environment", "x"),
        ("backends", [1]),
        ("plan", 5),
        ("plan", [None]),
        ("plan", None),
        ("environment.host", []),
        ("environment.host.cores", -1),
        ("environment.host.cores", 2.5),
        ("environment.host.memory_bytes", 2**64),
        ("environment.host.load_1min", float("nan")),
        ("environment.host.load_1min", float("inf")),
        ("environment.server.settings", {"a": 1}),
        ("dataset", [1, 2]),
        ("dataset.scale", "1"),
        ("verified", {"asyncpg": -1}),
        ("rounds", True),
        ("seconds", -0.1),
        ("created_at", "\x1b[2J"),
        ("created_at", 5),
        ("format", 0),
        ("format", 2.0),
        ("format", None),
    ],
)
def test_a_header_of_other_types_is_refused(tmp_path: Path, path: str, value: Any) -> None:
    """Forbids `AttributeError: 'str' object has no attribute 'get'` in code that reads a header."""
    text = refusal(written(tmp_path / "run", changed(HEADER, path, value), *LINES))
    assert "does not begin with a header line (" in text


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("window_ns", 0),
        ("elapsed_ns", 0),
        ("elapsed_ns", -1),
        ("client_cpu_ns", None),
        ("client_cpu_ns", 1.5),
        ("client_cpu_ns", 2**53 + 1),
        ("client_cpu_ns", 10**400),
        ("case.concurrency", 0),
        ("case.fetch", "batched:99999999999999999999"),
        ("case.fetch", "batchd"),
        ("case.session_scope", "forever"),
        ("case.backend", ""),
        ("case", None),
        ("key", "another"),
        ("samples.count", 3),
        ("samples.count", 2**53),
        ("samples.errors", {"8": "past the end"}),
        ("samples.errors", {"-1": "before the start"}),
        ("samples.errors", {"x": "nowhere"}),
        ("samples", []),
        ("kind", "future"),
    ],
)
def test_an_entry_of_other_values_is_named_by_its_line(
    tmp_path: Path, path: str, value: Any
) -> None:
    """Forbids division by zero, overflow and positions past the end when figures are computed."""
    line = changed(LINES[RUN], path, value)
    text = refusal(written(tmp_path / "run", HEADER, line, *LINES))
    assert "run.jsonl is damaged at line 2.\nDelete that line" in text


def packed(numbers: list[int]) -> str:
    data = struct.pack(f"<{len(numbers)}q", *numbers)
    return base64.b64encode(zlib.compress(data)).decode()


def planes(width: int, data: bytes) -> str:
    return base64.b64encode(zlib.compress(bytes([width]) + data)).decode()


@cache
def bomb(start: bytes) -> str:
    """Return a short text that expands to 200 MB. Making it takes half a second."""
    return base64.b64encode(zlib.compress(start + b"\0" * 200_000_000)).decode()


COUNT = LINES[RUN]["samples"]["count"]
OLD = LINES[RUN] | {
    "samples": {"count": COUNT, "first_row_ns": packed([]), "errors": {}}
    | dict.fromkeys(("start_ns", "duration_ns", "rows", "worker"), packed([0] * COUNT))
}
"""The run as formats 1 to 3 have it."""


@pytest.mark.parametrize("column", ["gap_ns", "duration_ns", "first_row_ns", "rows", "worker"])
@pytest.mark.parametrize(
    "text",
    [
        planes(1, b"\0" * (COUNT + 1)),
        planes(2, b"\0" * (2 * COUNT - 1)),
        planes(0, b"\0" * COUNT),
        planes(9, b"\0" * (9 * COUNT)),
        planes(8, b"\xff" * (8 * COUNT)),
        lambda: bomb(b"\1"),
        base64.b64encode(zlib.compress(b"")).decode() + "=",
        "eJw=",
        "no base 64",
    ],
    ids=["long", "uneven", "no width", "wide", "huge", "bomb", "empty", "cut", "text"],
)
def test_a_column_of_other_numbers_is_refused(
    tmp_path: Path, column: str, text: str | Callable[[], str]
) -> None:
    """Forbids columns of unequal lengths, overflowing numbers, and bytes that expand hugely."""
    line = changed(LINES[RUN], f"samples.{column}", text if isinstance(text, str) else text())
    words = refusal(written(tmp_path / "run", HEADER, line, *LINES))
    named = {"gap_ns": "samples.(gap|start)_ns"}.get(column, f"samples.{column}")
    assert re.search(named, words)


@pytest.mark.parametrize("column", ["start_ns", "duration_ns", "rows", "worker"])
@pytest.mark.parametrize(
    "text",
    [
        packed([0] * (COUNT - 1)),
        packed([0] * (COUNT + 1)),
        packed([-1] * COUNT),
        packed([2**60] * COUNT),
        packed([2**62, 2**62, 2**62] + [0] * (COUNT - 3)),
        base64.b64encode(zlib.compress(b"\0" * (8 * COUNT - 1))).decode(),
        lambda: bomb(b""),
        "eJw=",
        "no base 64",
    ],
    ids=["short", "long", "negative", "huge", "overflow", "uneven", "bomb", "cut", "text"],
)
def test_a_column_of_an_older_format_that_holds_other_numbers_is_refused(
    tmp_path: Path, column: str, text: str | Callable[[], str]
) -> None:
    """Forbids columns of unequal lengths, overflowing numbers, and bytes that expand hugely."""
    assert len(load(written(tmp_path / "well", HEADER, OLD)).runs) == 1
    line = changed(OLD, f"samples.{column}", text if isinstance(text, str) else text())
    assert f"samples.{column}" in refusal(written(tmp_path / "run", HEADER, line, *LINES))


def test_first_rows_may_be_fewer(tmp_path: Path) -> None:
    """Forbids refusing results of format 1, which have no first row for some failures."""
    line = changed(OLD, "samples.first_row_ns", packed([5]))
    assert list(load(written(tmp_path, HEADER, line)).runs[0].samples.first_row_ns) == [5]
    line = changed(OLD, "samples.first_row_ns", packed([5] * (COUNT + 1)))
    assert "samples.first_row_ns" in refusal(written(tmp_path, HEADER, line, *LINES))


@pytest.mark.parametrize("where", ["header", "entry"])
def test_deep_nesting_is_refused(tmp_path: Path, where: str) -> None:
    """Forbids `RecursionError`, also in a field that is not read."""
    deep = "[" * 100_000 + "]" * 100_000
    odd = json.dumps((HEADER if where == "header" else LINES[RUN]) | {"future": "DEEP"})
    lines = (HEADER, odd) if where == "entry" else (odd,)
    lines = tuple(line.replace('"DEEP"', deep) if isinstance(line, str) else line for line in lines)
    assert "nested too deeply" in refusal(written(tmp_path, *lines, *LINES))


def test_fields_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    """Forbids that a field of a later version makes its results unreadable here."""

    def more(value: Any) -> Any:
        if isinstance(value, list):
            return [more(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        named = not value.keys() & {"asyncpg", "fsync", "0", "1"} and value
        extra = {"later": [{"x": None}]} if named and "scale" not in value else {}
        return {name: more(inner) for name, inner in value.items()} | extra

    lines = [more(line) for line in LINES]
    header = HEADER | {"later": {"a": 1}, "plan": more(HEADER["plan"])}
    found = load(written(tmp_path, header, *lines))
    assert found.runs == load(written(tmp_path / "plain", HEADER, *LINES)).runs


@pytest.mark.parametrize("version", [FORMAT + 1, 10**30])
def test_a_format_above_ours_is_named(tmp_path: Path, version: int) -> None:
    """Forbids "damaged" for a file of a newer gatherbench, with any content."""
    text = refusal(written(tmp_path, {"kind": "header", "format": version, "plan": "later"}))
    assert f"has format {version}; this version reads up to {FORMAT}.\n" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: b"", "it is empty"),
        (lambda text: b"\x00" * 5000, "header line"),
        (lambda text: text.decode().encode("utf-16"), "header line"),
        (lambda text: text.replace(b'"quick"', b'"qu\xff"', 1), "it is not UTF-8"),
        (lambda text: b"\x1b[31m" + text, "header line"),
    ],
    ids=["empty", "zeros", "utf-16", "latin", "escape"],
)
def test_bytes_that_are_no_text_are_refused(
    tmp_path: Path, change: Callable[[bytes], bytes], words: str
) -> None:
    """Forbids `UnicodeDecodeError`, and an unclear error for zeros, which a crash may leave."""
    folder = written(tmp_path, HEADER, *LINES)
    file = folder / RUN_FILE
    file.write_bytes(change(file.read_bytes()))
    assert words in refusal(folder)


def test_a_byte_order_mark_and_other_line_ends_are_read(tmp_path: Path) -> None:
    """Forbids that an editor on Windows makes a result unreadable."""
    folder = written(tmp_path, HEADER, *LINES)
    before, file = load(folder), folder / RUN_FILE
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert load(folder) == before


def test_arguments_that_are_no_utf_8_are_kept(tmp_path: Path) -> None:
    """Forbids an unreadable run for a label that is not UTF-8, also from earlier versions."""
    case = Case("asyncpg", synthetic.POINT)
    recorder = Recorder(tmp_path / "now")
    recorder.header(synthetic.header([case], label="caf\udce9 \N{SNOWMAN} \U0001f600"))
    recorder.close()
    assert load(tmp_path / "now").header.label == "caf? \N{SNOWMAN} \U0001f600"
    old = written(tmp_path / "old", HEADER | {"label": r"\ud83d caf" + "\udce9 \U0001f600"})
    assert load(old).header.label == r"\ud83d caf" + "\ufffd \U0001f600"


@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "unreadable"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    """Forbids a command that waits forever for the writer of a FIFO, or reads /dev/zero."""
    path = tmp_path / RUN_FILE
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.write_text("{}")
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
    assert f"cannot read {path}: " in refusal(tmp_path)


def test_a_header_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Forbids gigabytes in memory for the first line of another kind of file."""
    with (tmp_path / RUN_FILE).open("wb") as file:
        file.truncate(10 * source.LONGEST_LINE)  # a hole: no byte of it is on the disk
    assert "its first line is longer than 16 MiB" in refusal(tmp_path)


@pytest.mark.long
def test_lines_of_two_hundred_megabytes(tmp_path: Path) -> None:
    """Forbids `MemoryError`, or an endless error text, for lines above the limit."""
    error = {"kind": "failure", "round": 0, "key": LINES[RUN]["key"], "case": LINES[RUN]["case"]}
    large = json.dumps(error | {"error": "x" * 200_000_000})
    found = load(written(tmp_path, HEADER, large, LINES[RUN]))
    assert len(found.failures[0].error) < 11_000
    assert "damaged at line 2" in refusal(written(tmp_path, HEADER, large[:-1], LINES[RUN]))
    with (tmp_path / RUN_FILE).open("ab") as file:
        file.truncate(3 * source.LONGEST_LINE)
    assert "damaged at line" in refusal(tmp_path)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Give a folder with a valid run, and one run of each kind that cannot be read."""
    written(tmp_path / "well", HEADER, *LINES)
    written(tmp_path / "odd", HEADER | {"environment": "x"})
    written(tmp_path / "later", {"kind": "header", "format": 9})
    (tmp_path / "fifo").mkdir()
    os.mkfifo(tmp_path / "fifo" / RUN_FILE)
    (tmp_path / "litter").mkdir()
    return tmp_path


def test_a_folder_of_results_is_scanned_past_what_cannot_be_read(shelf: Path) -> None:
    """Forbids that one unreadable file hides all others."""
    listed, left_out = scan(shelf)
    assert [run.folder.name for run in listed] == ["well"]
    assert [run.folder.name for run in left_out] == ["fifo", "later", "odd"]
    assert all(str(run.folder) in run.reason for run in left_out)
    told: list[LeftOut] = []
    assert runs(shelf, told.append) == [shelf / "well"]
    assert told == left_out
    assert find("latest", shelf) == shelf / "well"
