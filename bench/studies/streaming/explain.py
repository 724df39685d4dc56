"""The code of each fetch beside its figures: `bench streaming --explain`."""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from accessors.api import Accessor, AnyBackend, AsyncAccessor
from accessors.statements import stream_options
from bench.model.fetch import MODES, VERBS, Fetch
from bench.model.units import BYTES, RATES, TIMES, with_unit
from bench.studies.streaming.evidence import FetchModeResult

_CODE_WIDTH = 70


def explain(backend: AnyBackend, module: str, ways: Iterable[FetchModeResult]) -> RenderableType:
    """Return a table: verdict and figures of each fetch on the left, its code on the right.

    `module` is the module of the backend and of its accessor.
    """
    accessor = _accessor(module)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    table.add_column(no_wrap=True)
    table.add_column(width=_CODE_WIDTH)
    shown_ways = sorted((w for w in ways if w.backend == backend.name and w.points), key=_place)
    for _, group in groupby(
        shown_ways, key=lambda way: (way.fetch.mode, way.fetch.batch_size is None)
    ):
        alike = list(group)  # they differ in the batch size only: the code of one is enough
        shown_with = next((way for way in alike if way.fetch.batch_size == 1000), alike[0])
        code = "\n".join(lines_of(accessor, shown_with.fetch, backend.layer))
        shown = Syntax(code, "python", theme="ansi_light", word_wrap=True)
        table.add_row(Text("\n\n").join(map(_figures, alike)), shown)
    return Group(Text(f"{backend.name}: each fetch, and its code", "bold"), table)


def _place(way: FetchModeResult) -> Any:
    return way.function, MODES.index(way.fetch.mode), way.fetch.batch_size or 0


def lines_of(accessor: type[Any], fetch: Fetch, layer: str) -> Sequence[str]:
    """Return the body of the accessor's method for this fetch, and of the cursor or method it uses.

    Docstrings are left out.
    """
    verb = getattr(accessor, VERBS[fetch.mode])
    lines = _body(verb)
    for name in _own_calls(verb):
        if name in ("_server_cursor", "stream"):
            lines = [*_body(getattr(accessor, name)), "", "# over it:", *lines]
    if any("options" in line for line in lines) and layer in ("core", "orm"):
        lines = [f"options = {stream_options(fetch.batch_size)}", *lines]
    elif fetch.batch_size is not None:
        lines = [f"batch_size = {fetch.batch_size}", *lines]
    return [line for line in lines if line != "options = stream_options(batch_size)"]


def _accessor(module: str) -> type[Any]:
    imported = import_module(module)
    return next(
        value
        for value in vars(imported).values()
        if inspect.isclass(value)
        and issubclass(value, Accessor | AsyncAccessor)
        and value.__module__ == module
    )


def _own_calls(verb: Any) -> list[str]:
    """Return the names of the methods of `self` that a method calls."""
    calls = (node.func for node in ast.walk(_parsed(verb)[1]) if isinstance(node, ast.Call))
    return [
        function.attr
        for function in calls
        if isinstance(function, ast.Attribute) and ast.unparse(function.value) == "self"
    ]


def _parsed(verb: Any) -> tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(verb)))
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    return source, function


def _body(verb: Any) -> list[str]:
    """Return the source of a function's statements, without its docstring."""
    source, function = _parsed(verb)
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return textwrap.dedent("\n".join(source.splitlines()[body[0].lineno - 1 :])).splitlines()


def _figures(way: FetchModeResult) -> Text:
    point = way.points[way.largest]
    figures = [
        f"{with_unit(point.rows_per_s, RATES)} rows/s of {way.largest:,}",
        f"first row: {with_unit(point.first_row_ns, TIMES)}",
    ]
    if way.memory_bytes:
        most = way.memory_bytes[max(way.memory_bytes)]
        figures.append(f"peak: {with_unit(most, BYTES)}")
    return Text("\n").join(
        [
            Text(str(way.fetch), "bold"),
            Text(way.verdict, "red" if way.verdict == "buffers" else "green"),
            *map(Text, figures),
        ]
    )
