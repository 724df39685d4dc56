"""A factor of a case, declared once: keys, titles, files, tables and commands all follow it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from typing import Any

Options = Iterable[tuple[str, str]]
"""Options of `bench run` without `--`, each with its text."""

_LAST = 9


@dataclass(frozen=True)
class Factor:
    """One factor of a case: its forms everywhere. Each function takes the value of the factor."""

    name: str = ""
    """The field of the case, and the name in a results file."""
    default: Any = None
    """The value that keys, titles, files and commands leave out, unless the factor is `always`."""
    always: bool = False
    """Whether keys, files and commands have the factor with its default too."""
    joined: bool = False
    """Whether its texts continue those of the factor before it. Without them it has none."""
    key: Callable[[Any], str] = str
    """The text in the key of a case."""
    words: Callable[[Any], str] = str
    """The words in the title of a case; empty if there is nothing to say."""
    place: int = _LAST
    """The place in a title: lower ones come first, equal ones in the order of the fields."""
    write: Callable[[Any], Any] = lambda value: value
    """The value in a results file."""
    read: Callable[[Any], Any] = lambda value: value
    """The value from the one in a results file. May raise `UsageError`."""
    columns: Callable[[Any], Mapping[str, Any]] | None = None
    """The columns of summary.csv. None: one, with the name and the value of the factor."""
    options: Callable[[Any], Options] | None = None
    """The options of `bench run`. None: one, with the name and the value of the factor."""

    def left_out(self, value: Any) -> bool:
        """Return whether keys, titles, files and commands leave this value out."""
        return not self.always and bool(value == self.default)

    def columns_of(self, value: Any) -> Mapping[str, Any]:
        """Return the columns of summary.csv, each with its cell."""
        return {self.name: self.write(value)} if self.columns is None else self.columns(value)

    def options_of(self, value: Any) -> Options:
        """Return the options of `bench run` that ask for this value."""
        if self.options is None:
            return [(self.name.replace("_", "-"), str(value))]
        return self.options(value)


def written(**how: Any) -> dict[str, Factor]:
    """Return the metadata of a dataclass field that is a factor. `how`: fields of `Factor`."""
    return {"factor": Factor(**how)}


def only(value: Any, text: str) -> Callable[[Any], str]:
    """Return a function that gives `text` for this value, and nothing for others."""
    return lambda given: text if given == value else ""


def no_options(value: Any) -> Options:
    """Return no option: `bench run` cannot be asked for this factor alone."""
    return []


def declared(case_class: type) -> tuple[Factor, ...]:
    """Return the factors of a dataclass in the order of its fields, with names and defaults."""
    return tuple(
        replace(field.metadata["factor"], name=field.name, default=_default(field))
        for field in fields(case_class)
    )


def _default(field: Field[Any]) -> Any:
    """Return the default of a field; None for one without."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default
