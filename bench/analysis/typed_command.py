"""The options of a command as it was typed and recorded, for a command that measures again."""

import shlex
from collections.abc import Collection, Iterator

PLACE = ("--database-url", "--admin-url", "--backend-module", "--timeout")
"""The options that say where a run was measured, with which code, and how long it may wait."""


def words_of(command: str | None) -> list[str]:
    """Return the words of a recorded command; none if a file has none, or an edited one."""
    try:
        return shlex.split(command or "")
    except ValueError:
        return []


def kept(command: str | None, options: Collection[str]) -> list[str]:
    """Return these options of the command with their values, as words. Each takes a value."""
    return [word for name, words in _options(words_of(command), options) if name for word in words]


def without(command: str | None, options: Collection[str]) -> list[str]:
    """Return all words of the command but these options with their values."""
    parts = _options(words_of(command), options)
    return [word for name, words in parts if not name for word in words]


def _options(words: list[str], options: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each of these options with its words; other words under an empty name.

    After `--` there are no options.
    """
    place = 0
    while place < len(words):
        name, equals, _ = words[place].partition("=")
        ours = name in options and "--" not in words[:place]
        end = place + (2 if ours and not equals else 1)
        yield (name if ours else ""), words[place:end]
        place = end
