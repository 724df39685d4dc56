"""The comparison of a value that a library gave with the server's JSON of it.

Libraries give the same value as different Python types: jsonb as a dict or as text, an array as a
list or as text. Values are compared, not types. `text_of` names the types that differ.
"""

import ipaddress
import json
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any
from uuid import UUID

from bench.studies.query.description import Type

_JSON = {"json", "jsonb"}
_STRINGS = {
    *("text", "character varying", "character", "name", "xml", "money", '"char"', "unknown"),
}
_GEOMETRY = {"point", "line", "lseg", "box", "path", "polygon", "circle"}
_DAYS_OF_MONTH, _DAYS_OF_YEAR = 30, 365
"""The days that asyncpg, psycopg and psycopg2 take for a month and for a year of an interval.
psqlpy takes twelve months for a year."""
_NUMBER = re.compile(r"-?(?:\d+\.?\d*(?:e[+-]?\d+)?|Infinity|NaN|inf|nan)", re.IGNORECASE)
_HOST_MASK = re.compile(r"(?<=\.\d)/32$|/32$|/128$")


def as_text(value: Any, kind: Type) -> bool:
    """Return whether the library left a value with a structure as text: less work than parsing."""
    if not isinstance(value, str):
        return False
    structured = kind.kind in {"c", "r", "m"} or kind.name == "record"
    return structured or kind.element is not None or kind.name in _JSON


def same(value: Any, expected: Any, text: str | None, kind: Type) -> bool:
    """Return whether the library's value is the server's.

    `expected`: the server's value as JSON, with `Decimal` for numbers with a point. `text`: its
    text form, or None for a plain type. Never raises for a value of a strange type.
    """
    try:
        return bool(_same(value, expected, text, kind))
    except (ValueError, TypeError, ArithmeticError, AttributeError, InvalidOperation):
        return False


def _same(value: Any, expected: Any, text: str | None, kind: Type) -> bool:
    if value is None or expected is None:
        # A JSON null is a value: psycopg gives None for it, asyncpg the text 'null'.
        null = value is None or (kind.name in _JSON and value == "null")
        # A function that returns void gives None or an empty text.
        return null and (expected is None or kind.name == "void")
    if isinstance(value, Enum):  # SQLAlchemy's Enum type stores the name, or the value if asked to
        return expected in (value.name, value.value)
    if isinstance(value, str):
        if kind.name in _JSON:
            return bool(value == expected or json.loads(value, parse_float=Decimal) == expected)
        return value in (expected, text) or _same_text(value, expected, kind)
    if kind.name in _JSON:
        return _equal_json(value, expected)
    if kind.element is not None:
        return _same_list(value, expected, kind.element)
    if kind.name in _GEOMETRY:
        return _numbers_of(value) == [float(found) for found in _NUMBER.findall(text or "")]
    return _same_scalar(value, expected, text, kind)


def _same_scalar(value: Any, expected: Any, text: str | None, kind: Type) -> bool:
    match value:
        case bool():
            return value is expected
        case int():
            return _same_integer(value, expected, text, kind)
        case float():
            return _same_float(value, expected, kind)
        case Decimal():
            number = Decimal(str(expected))
            return value == number or (value.is_nan() and number.is_nan())
        case datetime() | date() | time():
            return _same_time(value, str(expected))
        case timedelta():
            return value in (_timedelta(expected), _timedelta(expected, _DAYS_OF_MONTH * 12))
        case UUID():
            return bool(str(value) == expected)
        case bytes() | bytearray() | memoryview():
            raw = bytes(value)
            if kind.name == '"char"':  # asyncpg gives its one byte, which is 0 for an empty one
                return bool(raw.rstrip(b"\0").decode() == expected)
            return bool("\\x" + raw.hex() == expected)
    if hasattr(value, "millennia"):  # pg8000's interval
        asked = tuple(int(expected[part]) for part in ("months", "days", "microseconds"))
        return _months_and_rest(value) == asked
    if kind.kind == "r":
        return _same_range(value, expected)
    if kind.kind == "m":
        parts = list(value)
        return len(parts) == len(expected) and all(map(_same_range, parts, expected))
    if isinstance(
        value,
        ipaddress.IPv4Interface
        | ipaddress.IPv6Interface
        | ipaddress.IPv4Address
        | ipaddress.IPv6Address
        | ipaddress.IPv4Network
        | ipaddress.IPv6Network,
    ):
        shown = str(value)
        return bool(shown == expected or _HOST_MASK.sub("", shown) == expected)
    if isinstance(expected, Mapping):  # a composite: a record, a tuple or an object
        return _same_composite(value, expected)
    if hasattr(value, "as_string"):  # asyncpg.BitString groups its digits
        return str(value.as_string()).replace(" ", "") == (text or expected)
    if isinstance(value, Mapping):
        return bool(dict(value) == expected)
    if isinstance(value, Sequence):  # tid, int2vector, a snapshot: numbers in the text's order
        return _numbers_of(value) == [float(n) for n in re.findall(r"-?\d+", str(text or expected))]
    return str(value) in (expected, text)


def _same_text(value: str, expected: Any, kind: Type) -> bool:
    """Return whether text of another form says the same, as `1.50` for the number 1.50."""
    if kind.name in _STRINGS:
        return False
    if kind.name.startswith("macaddr"):  # psqlpy writes its digits in capitals
        return bool(value.lower() == expected)
    if isinstance(expected, bool):
        return value in ("t", "true") if expected else value in ("f", "false")
    if isinstance(expected, int | Decimal):
        return Decimal(value) == expected
    return False


def _same_integer(value: int, expected: Any, text: str | None, kind: Type) -> bool:
    if kind.name == "pg_lsn" and text:
        high, _, low = text.partition("/")
        return value == (int(high, 16) << 32) + int(low, 16)
    return value == int(expected)  # xid8 and the like are JSON strings


def _same_float(value: float, expected: Any, kind: Type) -> bool:
    number = float(expected)  # a string for NaN and the infinities
    if value != value or number != number:
        return value != value and number != number
    if kind.name == "real" and abs(number) != float("inf"):  # asyncpg widens its 32 bits
        return struct.pack("f", value) == struct.pack("f", number)
    return value == number


def _same_time(value: datetime | date | time, expected: str) -> bool:
    if expected in ("infinity", "-infinity"):
        # asyncpg gives the last and the first day of Python's calendar for the infinities.
        end = "max" if expected == "infinity" else "min"
        if isinstance(value, datetime):
            return bool(value.replace(tzinfo=None) == getattr(datetime, end))
        return bool(value == getattr(type(value), end))
    if expected.endswith("24:00:00"):  # Python's day ends before
        return False
    if isinstance(value, datetime):
        return value == datetime.fromisoformat(expected)
    if isinstance(value, time):
        return value == time.fromisoformat(expected)
    return value == date.fromisoformat(expected)


def _timedelta(expected: Mapping[str, Any], days_of_year: int = _DAYS_OF_YEAR) -> timedelta:
    years, months = divmod(abs(int(expected["months"])), 12)
    days = years * days_of_year + months * _DAYS_OF_MONTH
    sign = -1 if int(expected["months"]) < 0 else 1
    return timedelta(
        days=sign * days + int(expected["days"]), microseconds=int(expected["microseconds"])
    )


def _same_list(value: Any, expected: Any, element: Type) -> bool:
    items = list(value)
    if len(items) != len(expected):
        return False
    return all(
        _same_list(item, right, element)
        if isinstance(item, list) and element.name not in _JSON
        else _same(item, right, None, element)
        for item, right in zip(items, expected, strict=True)
    )


def _months_and_rest(value: Any) -> tuple[int, int, int]:
    """Return months, days and microseconds of an interval of pg8000; its absent parts are None."""

    def total(**units: int) -> int:
        return sum(round((getattr(value, name) or 0) * factor) for name, factor in units.items())

    return (
        total(millennia=12_000, centuries=1_200, decades=120, years=12, months=1),
        total(weeks=7, days=1),
        total(hours=3_600_000_000, minutes=60_000_000, seconds=1_000_000, microseconds=1),
    )


def _same_range(value: Any, expected: Mapping[str, Any]) -> bool:
    if expected["bounds"] == "empty":  # pg8000 names it is_empty
        return bool(getattr(value, "isempty", False) or getattr(value, "is_empty", False))
    if hasattr(value, "bounds"):  # pg8000
        bounds = value.bounds
    else:
        bounds = ("[" if value.lower_inc else "(") + ("]" if value.upper_inc else ")")
    plain = Type("", "b")
    return bounds == expected["bounds"] and all(
        _same(end, right, None, plain)
        for end, right in ((value.lower, expected["lower"]), (value.upper, expected["upper"]))
    )


def _same_composite(value: Any, expected: Mapping[str, Any]) -> bool:
    fields = list(value.values()) if isinstance(value, Mapping) else list(value)
    plain = Type("", "b")

    def alike(field: Any, right: Any) -> bool:
        if isinstance(right, Mapping) and not isinstance(field, str | Mapping):
            return _same_composite(field, right)
        if isinstance(right, list) and isinstance(field, list):
            return _same_list(field, right, plain)
        return _same(field, right, None, plain) or str(field) == str(right)

    return len(fields) == len(expected) and all(map(alike, fields, expected.values()))


def _equal_json(value: Any, expected: Any) -> bool:
    """Return whether two JSON values are equal. A library may read 1.10 as a float."""
    if isinstance(value, float) and isinstance(expected, Decimal | int):
        return value == float(expected)
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(_equal_json, value, expected))
    if isinstance(value, Mapping) and isinstance(expected, Mapping):
        return value.keys() == expected.keys() and all(
            _equal_json(value[key], expected[key]) for key in value
        )
    return type(value) is type(expected) and bool(value == expected)


def _numbers_of(value: Any) -> list[float]:
    if isinstance(value, int | float):
        return [float(value)]
    if hasattr(value, "is_closed"):  # asyncpg.Path
        return _numbers_of(list(value.points))
    numbers: list[float] = []
    for part in _parts(value):
        numbers += _numbers_of(part)
    return numbers


def _parts(value: Any) -> Iterable[Any]:
    if hasattr(value, "center") and hasattr(value, "radius"):  # asyncpg.Circle
        return (value.center, value.radius)
    parts: Iterable[Any] = value
    return parts
