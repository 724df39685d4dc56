"""Values that may be one of several."""

from session_guard.lint.values import UNKNOWN, Collection, Either, Value


def options(value: Value) -> tuple[Value, ...]:
    """Return what a value may be: itself, or the options of an Either."""
    return value.options if isinstance(value, Either) else (value,)


def join(first: Value, second: Value) -> Value:
    """Return the value of a name that two branches set."""
    if first is second or second is UNKNOWN:
        return first
    if first is UNKNOWN:
        return second
    if isinstance(first, Collection) and isinstance(second, Collection):
        return second if len(second.items) > len(first.items) else first
    merged = dict.fromkeys((*options(first), *options(second)))
    return Either(tuple(merged)[:4])
