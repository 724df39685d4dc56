"""What users bring in a workload file: enums, arguments by functions, packages, odd names."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.model.errors import UsageError
from bench.model.fetch import Fetch
from bench.model.sql_text import SqlText
from bench.studies.query.arguments import _text_of
from bench.studies.query.called_arguments import called, refuse_iterator
from bench.studies.query.description import Type
from bench.studies.query.forms import Forms
from bench.studies.query.object_checks import difference
from bench.studies.query.values import same
from bench.studies.query.workload_file import workloads_in


class Colour(Enum):
    """An application's enum: the names are stored by SQLAlchemy's default."""

    red = "r"
    blue = "b"


@pytest.fixture(autouse=True)
def own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep this process's modules and its path."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


@pytest.mark.parametrize(("expected", "equal"), [("red", True), ("r", True), ("blue", False)])
def test_an_enum_of_the_application_is_the_servers_text(expected: str, equal: bool) -> None:
    """Forbid that Core and the ORM are left out because a column is a Python enum."""
    assert same(Colour.red, expected, expected, Type("colour", "e")) is equal


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Colour.red, "red"),
        ({"a": [1]}, '{"a": [1]}'),
        ([1, None], '{"1",NULL}'),
        ([['x"y'], ["b\\c, d"]], '{{"x\\"y"},{"b\\\\c, d"}}'),
        (b"\x01", "\\x01"),
        (True, "True"),
    ],
)
def test_arguments_of_a_list_are_written_as_postgresql_reads_them(value: Any, text: str) -> None:
    """Forbid that a dict, a list or an enum among a read's arguments is sent as Python's repr."""
    assert _text_of(value) == text


def three(random: Random) -> Iterator[tuple[int]]:
    """Yield three rows."""
    for number in range(3):
        yield (number,)


def test_a_generator_of_arguments_that_ends_begins_again() -> None:
    """Forbid that a generator function is refused as a wrong tuple."""
    assert called(three, Random(1), 7, "u") == [(0,), (1,), (2,), (0,), (1,), (2,), (0,)]


ENDING = iter([(1,)])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (lambda random: next(ENDING), "ended after 1 rows, and 5 are drawn"),
        (lambda random: iter(()), "yields nothing"),
        (lambda random: 3, "returned 3, and not a tuple"),
        (lambda random: 1 / 0, "failed (ZeroDivisionError"),
    ],
    ids=["finite", "empty", "no tuple", "error"],
)
def test_a_function_that_gives_no_arguments_is_two_lines(
    source: Callable[..., Any], words: str
) -> None:
    """Forbid an empty reason, and a traceback."""
    with pytest.raises(UsageError) as error:
        called(source, Random(1), 5, "u")
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 2


def test_an_iterator_as_arguments_is_refused() -> None:
    """Forbid that the second process finds an iterator empty, or a traceback."""
    with pytest.raises(UsageError, match="can be read only once"):
        refuse_iterator(three(Random(1)), "r")


def test_a_file_in_a_package_imports_its_siblings(tmp_path: Path) -> None:
    """Forbid that `from . import models` fails in a package, or in a folder with spaces."""
    inner = tmp_path / "my folder" / "siblings" / "measured"
    inner.mkdir(parents=True)
    for folder in (inner.parent, inner):
        (folder / "__init__.py").touch()
    (inner.parent / "models.py").write_text("N = 5")
    (inner / "beside.py").write_text("NAME = 'five'")
    (inner / "work load.py").write_text(
        "from bench.workloads import Read\n"
        "from .beside import NAME\nfrom ..models import N\n"
        "r = Read(NAME, sql=f'SELECT {N}')"
    )
    (found,) = workloads_in(inner / "work load.py")
    assert found.name == "five"
    (read,) = found.parts
    assert getattr(read, "sql", None) == "SELECT 5"


NAMED = {
    "space": ("Read('a b', sql='SELECT 1')", "'a b' is no name", "Choose another name in"),
    "number": (
        "Read(3, sql='SELECT 1')",
        "the read 3: a name is a text",
        "Choose another name in",
    ),
    "built-in": (
        "Read('get_customers', sql='SELECT 1')",
        "a built-in workload is named 'get_customers'",
        "Choose another name in",
    ),
    "lambda": (
        "Workload('w', {lambda s: 1: 1})",
        "'<lambda>' is no name",
        "Write a def in",
    ),
    "weight": (
        "Workload('w', {Read('r', sql='SELECT 1'): 1.5})",
        "the workload w has r with the weight 1.5",
        "a whole number from 1 on",
    ),
}


@pytest.mark.parametrize(("text", "what", "advice"), NAMED.values(), ids=NAMED)
def test_a_wrong_name_is_told_with_the_file(
    text: str, what: str, advice: str, tmp_path: Path
) -> None:
    """Forbid that a name in a file is answered by an option, and a weight by a long repr."""
    path = tmp_path / "f.py"
    path.write_text(f"from bench.workloads import Read, Workload\nw = {text}")
    with pytest.raises(UsageError) as error:
        workloads_in(path)
    first, second = str(error.value).splitlines()
    assert what in first
    assert advice in second


class Order:
    """A mapped object, as far as its comparison needs it."""

    def __init__(self, number: int, lines: int) -> None:
        self.number, self.lines = number, lines

    def as_dict(self) -> dict[str, int]:
        """Return the object as a dict."""
        return {"number": self.number, "lines": self.lines}


def orders_of(rows: Sequence[Any]) -> list[dict[str, int]]:
    """Return a dict for each order of these rows, one for each of its lines."""
    return [{"number": n, "lines": lines} for n, lines in Counter(n for (n,) in rows).items()]


@pytest.mark.parametrize(
    ("objects", "count", "words"),
    [
        ([Order(1, 2), Order(2, 1)], 3, None),
        ([Order(1, 2), Order(2, 1)], 2, "stand for 2 rows (rows_in) instead of 3"),
        ([Order(1, 2)], 3, "1 objects instead of 2 dicts"),
        ([Order(1, 2), Order(2, 5)], 3, "object 2: 'lines': 5 instead of 1"),
    ],
    ids=["equal", "rows", "fewer", "a value"],
)
def test_objects_are_compared_as_dicts(objects: list[Order], count: int, words: str | None) -> None:
    """Forbid that objects with other collections than the SQL text's rows are timed beside them."""
    forms = Forms(SqlText.parse("SELECT 1"), as_dict=orders_of)
    found = difference(forms, Fetch(), objects, count, [(1,), (1,), (2,)])
    assert (found is None) if words is None else (found is not None and words in found)
