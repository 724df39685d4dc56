"""The settings of a run: the command line overrides `pyproject.toml`."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from session_guard.lint.rules import RULES, Finding

TABLE = "tool.session-guard"
_KEYS = {
    "paths": "a list of files and folders",
    "select": "a list of rule codes",
    "ignore": "a list of rule codes",
    "exclude": "a list of patterns",
    "pedantic": "true or false",
    "per-file-ignores": "a table of patterns, each with a list of rule codes",
}


class ConfigurationError(Exception):
    """A configuration that can't be used; the text says what is wrong, and where."""


@dataclass
class Configuration:
    """The settings of a run."""

    folder: Path = field(default_factory=Path.cwd)
    """Relative patterns and paths are relative to this folder."""
    paths: list[Path] = field(default_factory=list)
    select: list[str] = field(default_factory=list)
    ignore: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    pedantic: bool = False
    per_file_ignores: dict[str, list[str]] = field(default_factory=dict)

    def applies(self, finding: Finding) -> bool:
        """Return whether a finding is to be reported."""
        if not self.is_selected(finding.rule):
            return False
        path = finding.path.absolute()
        return not any(
            finding.rule.startswith(tuple(_prefixes(codes))) and self._fits(path, pattern)
            for pattern, codes in self.per_file_ignores.items()
        )

    def is_selected(self, code: str) -> bool:
        """Return whether a rule is on. The longer prefix decides; of equals, `ignore` does."""
        selected = _longest(code, self.select)
        if not self.select:
            selected = 0 if RULES[code].by_default else -1
        if self.pedantic and code == "SG004":
            selected = max(selected, 0)
        return selected > _longest(code, self.ignore)

    def _fits(self, path: Path, pattern: str) -> bool:
        if path.match(pattern):
            return True
        relative = path.relative_to(self.folder) if path.is_relative_to(self.folder) else path
        folder = pattern.removesuffix("/**").removesuffix("/*").removesuffix("/")
        return any(parent.as_posix() == folder for parent in relative.parents)


def _prefixes(codes: Iterable[str]) -> list[str]:
    return ["" if code == "ALL" else code for code in codes]


def _longest(code: str, codes: Iterable[str]) -> int:
    return max((len(part) for part in _prefixes(codes) if code.startswith(part)), default=-1)


def known_codes(codes: Iterable[str], where: str) -> list[str]:
    """Return rule codes and prefixes of them. Raises ConfigurationError for an unknown one."""
    cleaned = [code.strip().upper() for code in codes if code.strip()]
    for code in cleaned:
        if code != "ALL" and not any(rule.startswith(code) for rule in RULES):
            raise ConfigurationError(
                f"{where}: there is no rule {code}. The rules are {', '.join(RULES)}; a prefix such"
                " as SG, or ALL, means several"
            )
    return cleaned


def find(start: Path) -> Path | None:
    """Return the nearest pyproject.toml with a table for the lint, from a folder upwards."""
    start = start.absolute()
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and _table(file) is not None:
            return file
    return None


def read(file: Path) -> Configuration:
    """Return the settings of a pyproject.toml. Raises ConfigurationError if they are wrong."""
    table = _table(file)
    if table is None:
        raise ConfigurationError(f"{file}: there is no table [{TABLE}]")
    for key, value in table.items():
        _check(file, key, value)
    folder = file.absolute().parent
    return Configuration(
        folder=folder,
        paths=[folder / path for path in table.get("paths", [])],
        select=known_codes(table.get("select", []), f"{file}: [{TABLE}] select"),
        ignore=known_codes(table.get("ignore", []), f"{file}: [{TABLE}] ignore"),
        exclude=table.get("exclude", []),
        pedantic=table.get("pedantic", False),
        per_file_ignores={
            pattern: known_codes(codes, f"{file}: [{TABLE}] per-file-ignores, {pattern!r}")
            for pattern, codes in table.get("per-file-ignores", {}).items()
        },
    )


def _table(file: Path) -> dict[str, Any] | None:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(f"{file} is not TOML: {problem}") from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{file} can't be read: {problem}") from problem
    table = content.get("tool", {}).get("session-guard")
    if table is not None and not isinstance(table, dict):
        raise ConfigurationError(f"{file}: {TABLE} has to be a table")
    return table


def _check(file: Path, key: str, value: object) -> None:
    if key not in _KEYS:
        raise ConfigurationError(
            f"{file}: [{TABLE}] has no setting {key!r}. The settings are {', '.join(_KEYS)}"
        )
    if key == "pedantic":
        fits = isinstance(value, bool)
    elif key == "per-file-ignores":
        fits = isinstance(value, dict) and all(map(_is_list_of_text, value.values()))
    else:
        fits = _is_list_of_text(value)
    if not fits:
        raise ConfigurationError(
            f"{file}: [{TABLE}] {key} has to be {_KEYS[key]}, and is {value!r}"
        )


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)
