"""The check of mapped objects that are compared as dicts, with those of the SQL text's rows.

The rows of the text come through the same session. They are compared with the server's answer like
the rows of every backend; the dicts that the user makes of them are then the right ones.
"""

from collections.abc import Sequence
from typing import Any

from accessors.statements import Read as StatementRead
from accessors.statements import text_read
from bench.model.fetch import Fetch
from bench.studies.query.answers import COMPARED_ROWS
from bench.studies.query.forms import Forms
from bench.studies.query.plain_values import shown


def text_rows(accessor: Any, forms: Forms, arguments: Sequence[Any]) -> list[Any]:
    """Return all rows of the SQL text, through the session of a sync backend of the ORM."""
    read = _read(forms)
    result = accessor.native.execute(read.statement, read.bind(*arguments))
    return list(result.all())


async def text_rows_async(accessor: Any, forms: Forms, arguments: Sequence[Any]) -> list[Any]:
    """Return as `text_rows`, through an async session."""
    read = _read(forms)
    result = await accessor.native.execute(read.statement, read.bind(*arguments))
    return list(result.all())


def _read(forms: Forms) -> StatementRead:
    return text_read(forms.text.named, forms.text.bind_names)


def difference(
    forms: Forms, fetch: Fetch, objects: Sequence[Any], count: int, rows: Sequence[Any]
) -> str | None:
    """Return the first difference between the objects' dicts and those of the rows, in words.

    `objects`: the first ones. `count`: the number of rows that all objects stand for.
    """
    assert forms.as_dict is not None
    if count != len(rows):
        return f"{fetch}: the objects stand for {count:,} rows (rows_in) instead of {len(rows):,}"
    right = list(forms.as_dict(rows))
    if len(objects) < min(COMPARED_ROWS, len(right)) or len(objects) > len(right):
        return f"{fetch}: {len(objects):,} objects instead of {len(right):,} dicts of as_dict"
    for number, (item, expected) in enumerate(zip(objects, right, strict=False), start=1):
        found = item.as_dict()
        if found != expected:
            return f"{fetch}, object {number}: {_unequal(found, expected)}"
    return None


def _unequal(found: Any, expected: Any) -> str:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in (*expected, *found):
            if key not in found or key not in expected:
                return f"{key!r} is in one of the dicts only"
            if found[key] != expected[key]:
                return f"{key!r}: {shown(found[key])} instead of {shown(expected[key])}"
    return f"{shown(found)} instead of {shown(expected)}"
