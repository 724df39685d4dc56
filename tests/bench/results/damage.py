"""Damaged results files: valid files with mutations of values, structure and bytes."""

import base64
import copy
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st

from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.results.entries import Failure
from bench.results.file import Recorder
from tests.bench import synthetic
from tests.root import ROOT

STREAMING = ROOT / "results" / "reference-streaming" / "run.jsonl"

DEEP = "DEEP"
"""A placeholder for ten thousand nested lists."""

ODD_TEXTS = (
    "",
    "\x1b]0;title\x07\x1b[2J",
    "\u202egpj.exe",
    "\ud800",
    "\x00",
    "x" * 3000,
    "../../outside",
    "/etc/outside",
    "$\\frac{$",
    "[/red][bold]",
    "=cmd()",
    "<script>",
    "a\nb\r\tc",
    "javascript:alert(1)",
    "null",
    "9999-99-99",
    "batched:0",
    "batched:99999999999999999999",
    "frozen",
)
ODD_NUMBERS = (
    *(0, 1, 2, -1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**40),
    *(0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), float("-inf")),
)
ODD_VALUES: tuple[Any, ...] = (
    *ODD_TEXTS,
    *ODD_NUMBERS,
    *(None, True, False, [], [[]], [1], {}, {"a": 1}, {"": None}, DEEP),
)

ODD_BYTES = (b"", b"\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"{", b"]", b'"', b"\x1b[31m")

Lines = list[dict[str, Any]]


@cache
def valid(streaming: bool) -> str:
    """Return a small valid file: of the quick profile, or of `bench streaming`."""
    lines = _streaming() if streaming else _quick()
    return "".join(json.dumps(line) + "\n" for line in lines)


def _quick() -> Lines:
    plan = [Case("asyncpg", synthetic.POINT, concurrency=count) for count in (1, 4)]
    plan += [Case("psycopg2", synthetic.POINT, loop="none"), Case("null", synthetic.POINT)]
    plan += [Case("orm+asyncpg", synthetic.MANY, Fetch("streamed", 100))]
    plan += [Case("asyncpg", synthetic.POINT, concurrency=4, twin=True)]
    with TemporaryDirectory() as folder:
        made = synthetic.results(Path(folder) / "run", plan, rounds=2)
        recorder = Recorder(made.folder)
        recorder.header(made.header)
        for run in made.runs:
            del run.samples.first_row_ns[8:], run.samples.start_ns[8:], run.samples.rows[8:]
            del run.samples.duration_ns[8:], run.samples.worker[8:]
        made.runs[0].samples.errors[1] = "TimeoutError: late"
        for entry in (*made.memory, *made.runs, Failure(plan[0], 1, "its process died")):
            recorder.add(entry)
        recorder.end("failed", "1 run failed")
        recorder.close()
        text = (made.folder / "run.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def _streaming() -> Lines:
    header, *lines = map(json.loads, STREAMING.read_text().splitlines())

    def wanted(case: dict[str, Any]) -> bool:
        fetch = case["fetch"] in ("buffered", "batched:1000", "streamed:1000")
        return case["backend"] == "asyncpg" and case.get("size") in (None, 100, 10_000) and fetch

    header["plan"] = [case for case in header["plan"] if wanted(case)]
    kept = [line for line in lines if line["kind"] == "end" or wanted(line["case"])]
    bare = [line for line in lines if line["kind"] == "bare"][:1]
    return [header, *bare, *kept]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of keys to every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in inner:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from places(child, (*path, key))


def inner(line: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        line = line[key]
    return line


def _pack(numbers: list[int]) -> str:
    return base64.b64encode(zlib.compress(struct.pack(f"<{len(numbers)}q", *numbers))).decode()


def _planes(width: int, data: bytes) -> str:
    return base64.b64encode(zlib.compress(bytes([width]) + data)).decode()


COLUMNS = (
    _planes(1, b"\x00" * 8),
    _planes(2, b"\xff" * 16),
    _planes(8, b"\xff" * 64),
    _planes(200, b"\x00" * 8),
    _pack([]),
    _pack([1]),
    _pack([-1] * 8),
    _pack([2**62] * 8),
    _pack([0] * 8),
    _pack([1] * 8),
    _pack([0] * 100_000),
    base64.b64encode(zlib.compress(b"\x00" * 63)).decode(),
    "",
    "eJw",
    "////",
    "not base 64",
)


@dataclass(frozen=True)
class Damaged:
    """A damaged file, shown by its damages.

    Hypothesis shows the arguments of an example that fails, and warns of more than 30 kB. A warning
    is an error here, so the file itself, if it were shown, would hide the failure.
    """

    damages: tuple[tuple[Any, ...], ...]
    """The name of each damage, and what was drawn for it."""
    content: bytes = field(repr=False)


@st.composite
def damaged(draw: st.DrawFn) -> Damaged:
    """Draw a file with one to three damages."""
    streaming = draw(st.booleans())
    lines: Lines = [json.loads(line) for line in valid(streaming).splitlines()]
    damages: list[tuple[Any, ...]] = [("streaming" if streaming else "quick",)]
    for _ in range(draw(st.integers(1, 3))):
        damage = draw(st.sampled_from(DAMAGES))
        damages.append((damage.__name__, *_recorded(draw, damage, lines)))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    text = text.replace(f'"{DEEP}"', "[" * 10_000 + "]" * 10_000)
    content = text.encode()
    if draw(st.integers(0, 3)) == 0:
        *damage, content = draw(_bytes(content))
        damages.append(("_bytes", *damage))
    return Damaged(tuple(damages), content)


Draw = Callable[[st.SearchStrategy[Any]], Any]


def _recorded(draw: Draw, damage: Callable[[Draw, Lines], None], lines: Lines) -> list[Any]:
    """Damage the lines. Return what was drawn for it."""
    drawn: list[Any] = []

    def record(strategy: st.SearchStrategy[Any]) -> Any:
        drawn.append(draw(strategy))
        return copy.deepcopy(drawn[-1])

    damage(record, lines)
    return drawn


def _any_line(draw: Draw, lines: Lines) -> dict[str, Any]:
    # Half of the damages are in the header, which is read by most.
    at = 0 if draw(st.booleans()) else draw(st.integers(0, max(0, len(lines) - 1)))
    return lines[at] if lines else {}


def _value(draw: Draw, lines: Lines) -> None:
    line = _any_line(draw, lines)
    if paths := list(places(line)):
        path = draw(st.sampled_from(paths))
        inner(line, path[:-1])[path[-1]] = draw(st.sampled_from(ODD_VALUES))
        _follow(line)


def _follow(line: dict[str, Any]) -> None:
    """Set the key to that of the case again, so that other damage is reached as well."""
    try:
        case = line["case"]
        line["key"] = Case(**case | {"fetch": Fetch.parse(case["fetch"])}).key
    except Exception:
        return


def _renamed(draw: Draw, lines: Lines) -> None:
    """Replace the name of a backend or a workload everywhere, because charts show that name."""
    cases = [line["case"] for line in lines if isinstance(line.get("case"), dict)]
    cases += [case for case in _plan(lines) if isinstance(case, dict)]
    factor = draw(st.sampled_from(("backend", "workload")))
    names = sorted({str(case.get(factor)) for case in cases})
    if not names:
        return
    old, new = draw(st.sampled_from(names)), draw(st.sampled_from(ODD_TEXTS))
    for case in cases:
        if case.get(factor) == old:
            case[factor] = new
    for line in lines:
        _follow(line)
        if isinstance(line.get("backends"), dict) and old in line["backends"]:
            line["backends"][new] = line["backends"].pop(old)


def _plan(lines: Lines) -> list[Any]:
    plans = [line["plan"] for line in lines if isinstance(line.get("plan"), list)]
    return [case for plan in plans for case in plan]


def _same_type(draw: Draw, lines: Lines) -> None:
    """Replace a field in every line of a kind with another value of the same type."""
    line = _any_line(draw, lines)
    fields = [
        path for path in places(line) if type(inner(line, path)) in (int, float, str) and path
    ]
    if not fields:
        return
    path = draw(st.sampled_from(fields))
    odd = {int: (0, 1, 2, 3, 2**53), float: (0.0, 1e-320, 1e15), str: ODD_TEXTS}
    value = draw(st.sampled_from(odd[type(inner(line, path))]))
    for other in lines:
        if other.get("kind") == line.get("kind"):
            with suppress(KeyError, IndexError, TypeError):
                if type(inner(other, path)) is type(value):
                    inner(other, path[:-1])[path[-1]] = value
                    _follow(other)


def _column(draw: Draw, lines: Lines) -> None:
    runs = [line for line in lines if isinstance(line.get("samples"), dict)]
    if runs:
        samples = runs[draw(st.integers(0, len(runs) - 1))]["samples"]
        names = [name for name in samples if name != "errors"]
        samples[draw(st.sampled_from(names))] = draw(st.sampled_from(COLUMNS))
        samples["errors"] = draw(st.sampled_from(({}, {"0": "E: x"}, {"99": "E"}, {"-1": ""})))


def _removed(draw: Draw, lines: Lines) -> None:
    line = _any_line(draw, lines)
    if paths := list(places(line)):
        path = draw(st.sampled_from(paths))
        del inner(line, path[:-1])[path[-1]]


def _added(draw: Draw, lines: Lines) -> None:
    line = _any_line(draw, lines)
    objects = [path for path in [(), *places(line)] if isinstance(inner(line, path), dict)]
    target = inner(line, draw(st.sampled_from(objects)))
    target[draw(st.sampled_from(("future", *ODD_TEXTS)))] = draw(st.sampled_from(ODD_VALUES))


def _moved(draw: Draw, lines: Lines) -> None:
    """Repeat, move or remove a line."""
    if lines:
        line = lines[draw(st.integers(0, len(lines) - 1))]
        if draw(st.booleans()):
            lines.remove(line)
        if draw(st.booleans()):
            lines.insert(draw(st.integers(0, len(lines))), copy.deepcopy(line))


DAMAGES = (_value, _renamed, _same_type, _column, _removed, _added, _moved)


@st.composite
def _bytes(draw: st.DrawFn, content: bytes) -> tuple[int, bytes, str, bytes]:
    """Draw a place, bytes and a change of the content by them. Return them and the new content."""
    at = draw(st.integers(0, len(content)))
    odd = draw(st.sampled_from(ODD_BYTES))
    change = draw(st.sampled_from(("insert", "replace", "cut", "first", "utf-16", "crlf", "zeros")))
    changed = {
        "insert": content[:at] + odd + content[at:],
        "replace": content[:at] + odd + content[at + 1 :],
        "cut": content[:at],
        "first": odd + content,
        "utf-16": content.decode().encode("utf-16"),
        "crlf": content.replace(b"\n", b"\r\n"),
        "zeros": content[:at] + b"\x00" * 4096,
    }[change]
    return at, odd, change, changed
