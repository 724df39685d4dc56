"""Settings of `--connect`: how backends connect, beside the URL, and which backend takes which.

A setting is `group.name=value`, as in `asyncpg.statement_cache_size=0`. The text of several is
separated by commas, in the order of their names; an empty text is the defaults of the library.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Any

from accessors.api import AnyBackend
from accessors.connect_options import ENGINE, GROUPS, SET_ELSEWHERE, Option, options
from bench.model.errors import UsageError

DEFAULT = "default"
"""The value that leaves an option as the library has it, to compare another value with."""

SEPARATOR = ","
EXAMPLE = "--connect asyncpg.statement_cache_size=0"


@dataclass(frozen=True)
class Setting:
    """One value of one option."""

    group: str
    name: str
    value: str

    @property
    def option(self) -> str:
        """The full name: `asyncpg.statement_cache_size`."""
        return f"{self.group}.{self.name}"

    def __str__(self) -> str:
        return f"{self.option}={self.value}"

    def taken_by(self, backend: AnyBackend) -> bool:
        """Return whether the backend's `open` passes this option on to its library."""
        known = options(self.group).get(self.name)
        if known is None or self.group not in getattr(backend, "connect_options", ()):
            return False
        return not known.drivers or backend.driver in known.drivers

    @classmethod
    def parse(cls, text: str) -> "Setting":
        """Return the setting. Raises `UsageError` with the nearest name, or with the values."""
        option, equals, value = text.partition("=")
        group, dot, name = option.partition(".")
        if not (equals and dot and name and value):
            raise UsageError(
                f"cannot read --connect {text!r}: a setting is group.name=value.\n"
                f"Write it as in {EXAMPLE}; the groups are {', '.join(GROUPS)}."
            )
        if group not in GROUPS:
            raise UsageError(
                f"no group {group!r} of --connect options{_guess(group, GROUPS)}.\n"
                f"The groups are {', '.join(GROUPS)}."
            )
        known = options(group)
        if name not in known:
            raise _unknown(group, name, known)
        setting = cls(group, name, value)
        if value != DEFAULT and not _fits(value, known[name]):
            raise UsageError(
                f"{option} cannot be {value!r}: it takes {known[name].values}.\n"
                f"Write --connect {option}={_example(known[name])}, or {option}={DEFAULT}."
            )
        return setting


def parse_all(texts: Iterable[str]) -> tuple[Setting, ...]:
    """Return the settings without repeats. Raises `UsageError`."""
    return tuple(dict.fromkeys(Setting.parse(text) for text in texts))


def variants(settings: Sequence[Setting], backend: AnyBackend) -> list[str]:
    """Return the texts of the ways in which this backend connects, in the order of the settings.

    There is one for each combination of values of the options that it takes; one empty text if it
    takes none of them.
    """
    values: dict[str, list[Setting]] = {}
    for setting in settings:
        if setting.taken_by(backend):
            values.setdefault(setting.option, []).append(setting)
    combinations = product(*(values[option] for option in sorted(values)))
    return list(dict.fromkeys(_text(combination) for combination in combinations))


def not_taken(settings: Sequence[Setting], backends: Iterable[AnyBackend]) -> list[str]:
    """Return a sentence for each option that some backends do not take, to say it once.

    Backends that answer from memory connect to nothing, and are left out. Raises `UsageError` for
    an option that no backend takes.
    """
    asked = [backend for backend in backends if not backend.in_memory]
    sentences = []
    for setting in {setting.option: setting for setting in settings}.values():
        without = [backend.name for backend in asked if not setting.taken_by(backend)]
        if len(without) == len(asked):
            raise UsageError(
                f"no chosen backend takes {setting.option}: {_reason(setting)}.\n"
                "Leave it out, or choose other backends with --backend."
            )
        unaware = [
            backend.name
            for backend in asked
            if not hasattr(backend, "connect_options") or _unaware(setting, backend)
        ]
        others = [name for name in without if name not in unaware]
        if others:
            sentences.append(
                f"{setting.option} does not apply to {', '.join(others)}:"
                f" {'it keeps its' if len(others) == 1 else 'they keep their'} defaults"
            )
        if unaware:
            sentences.append(
                f"{', '.join(unaware)} passes no --connect option of {setting.group} on"
                " (its connect_options do not name the group): it keeps its defaults"
            )
    return sentences


def arguments(connect: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keyword arguments of a case's text: for the driver, and for SQLAlchemy's engine.

    The values are None, bool, int, float or str.
    """
    driver: dict[str, Any] = {}
    engine: dict[str, Any] = {}
    for option, value in pairs(connect):
        group, _, name = option.partition(".")
        (engine if group == ENGINE else driver)[name] = literal(value)
    return driver, engine


def pairs(connect: str) -> list[tuple[str, str]]:
    """Return (full name, value) of each setting in a case's text."""
    settings = (text.partition("=") for text in connect.split(SEPARATOR) if text)
    return [(option, value) for option, _, value in settings]


def literal(value: str) -> Any:
    """Return the value that a text means: `none`, `true`, `false`, a number, or the text."""
    known = {"none": None, "true": True, "false": False}
    if value.lower() in known:
        return known[value.lower()]
    for number in (int, float):
        if not value[:1].isalpha():
            try:
                return number(value)
            except ValueError:
                continue
    return value


def _text(settings: Iterable[Setting]) -> str:
    return SEPARATOR.join(str(setting) for setting in settings if setting.value != DEFAULT)


def _unaware(setting: Setting, backend: AnyBackend) -> bool:
    """Return whether a backend of this option's driver passes none of its options on."""
    return setting.group == backend.driver and setting.group not in backend.connect_options


def _reason(setting: Setting) -> str:
    known = options(setting.group)[setting.name]
    if setting.group == ENGINE:
        over = f" over {' or '.join(known.drivers)}" if known.drivers else ""
        return f"it is for backends of SQLAlchemy{over}"
    return f"it is for backends over {setting.group}"


def _unknown(group: str, name: str, known: Mapping[str, Option]) -> UsageError:
    if name in SET_ELSEWHERE:
        return UsageError(
            f"{group}.{name} cannot be set by --connect.\nUse {SET_ELSEWHERE[name]} instead."
        )
    if not known:
        library = "sqlalchemy" if group == ENGINE else group
        return UsageError(
            f"{group}.{name} cannot be checked: {library} is not installed.\n"
            f"Install it, or leave --connect {group}.{name} out."
        )
    return UsageError(
        f"{group} has no option {name!r} that a command line can set{_guess(name, known)}.\n"
        f"Some that it has: {', '.join(_first(group, known))} (docs/connecting.md)."
    )


def _first(group: str, known: Mapping[str, Option]) -> list[str]:
    names = sorted(known, key=lambda name: (known[name].kind == "text", name))
    return [f"{group}.{name}" for name in names[:4]]


def _guess(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _fits(value: str, option: Option) -> bool:
    if SEPARATOR in value or not value.isprintable():
        return False
    if option.kind == "one of":
        return value in option.choices
    meaning = literal(value)
    if meaning is None:
        return option.or_none
    if option.kind == "text":
        return True
    if option.kind == "true or false":
        return isinstance(meaning, bool)
    numbers = (int,) if option.kind == "whole number" else (int, float)
    is_number = isinstance(meaning, numbers) and not isinstance(meaning, bool)
    return is_number and 0 <= meaning < float("inf")


def _example(option: Option) -> str:
    examples = {"whole number": "0", "number": "0.5", "true or false": "true", "text": "value"}
    return option.choices[0] if option.choices else examples[option.kind]
