"""The values that units of work return, in a form that travels and can be compared."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

MOST_COMPARED = 5_000
"""The most elements of a list that are compared. Further ones are counted."""
_LONGEST_SHOWN = 60
_PLAIN = (type(None), bool, int, float, Decimal, str)


def plain(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """Return the value as lists, dicts with text keys, and plain values.

    A mapped object is a dict of its loaded attributes, a row or a record the list of its values.
    `inside`: the ids of the objects around it, since mapped objects refer to each other.
    """
    if isinstance(value, _PLAIN):
        return value
    if type(value).__module__ in ("datetime", "ipaddress"):
        return value
    if isinstance(value, UUID):  # psycopg2 gives text
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if id(value) in inside:
        return "..."
    around = (*inside, id(value))
    if hasattr(value, "_sa_instance_state"):
        named = vars(value)
        return {name: plain(named[name], around) for name in sorted(named) if name[0] != "_"}
    if type(value).__module__.startswith("asyncpg.") and hasattr(value, "items"):  # a Record
        return [plain(element, around) for element in value.values()]
    if isinstance(value, Mapping):
        return {str(name): plain(element, around) for name, element in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name), around) for f in fields(value)}
    if isinstance(value, set | frozenset):
        return sorted((plain(element, around) for element in value), key=repr)
    if isinstance(value, Iterable):
        return [plain(element, around) for element in value]
    if hasattr(value, "__dict__") and vars(value):
        named = vars(value)
        return {name: plain(named[name], around) for name in sorted(named) if name[0] != "_"}
    return repr(value)


def first_difference(left: Any, right: Any, at: str = "") -> tuple[str, str, str] | None:
    """Return where two plain values differ first, and both values there; None if they are equal."""
    if isinstance(left, list) and isinstance(right, list):
        for place, pair in enumerate(zip(left[:MOST_COMPARED], right, strict=False)):
            if found := first_difference(*pair, f"{at}[{place}]"):
                return found
        if len(left) != len(right):
            return at, f"{len(left):,} elements", f"{len(right):,} elements"
        return None
    if isinstance(left, dict) and isinstance(right, dict):
        for name in left:
            if name not in right:
                return f"{at}.{name}", shown(left[name]), "nothing"
            if found := first_difference(left[name], right[name], f"{at}.{name}"):
                return found
        more = next((name for name in right if name not in left), None)
        return None if more is None else (f"{at}.{more}", "nothing", shown(right[more]))
    if left == right or (_not_a_number(left) and _not_a_number(right)):
        return None
    return at, shown(left), shown(right)


def shown(value: Any) -> str:
    """Return a value for a message, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _not_a_number(value: Any) -> bool:
    return isinstance(value, float | Decimal) and math.isnan(value)
