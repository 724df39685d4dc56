"""The files of the given paths, and the search for the file that an import names."""

import ast
import os
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from session_guard.lint.libraries import OTHERS, SQLALCHEMY
from session_guard.lint.module import Module
from session_guard.lint.parsing import parse

_NEVER_OURS = sys.stdlib_module_names | SQLALCHEMY | OTHERS


@dataclass(frozen=True)
class Unread:
    """A file that can be read only in part, or not at all."""

    path: Path
    reason: str


class Project:
    """All files under examination. A file is parsed when it is first asked for."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = list(dict.fromkeys(files))
        self.unread: list[Unread] = []
        self._sources: dict[Path, str] = {}
        self._modules: dict[Path, Module | None] = {}
        self._by_name: dict[str, list[tuple[Path, tuple[str, ...]]]] = defaultdict(list)
        for path in self.files:
            parts = path.absolute().with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            if parts:
                self._by_name[parts[-1]].append((path, parts))

    def source(self, path: Path) -> str:
        """Return the text of a file, "" if it can't be read."""
        if path not in self._sources:
            try:
                with tokenize.open(path) as file:
                    self._sources[path] = file.read()
            except (OSError, SyntaxError, UnicodeDecodeError) as problem:
                self._sources[path] = ""
                self.unread.append(Unread(path, f"can't be read: {problem}"))
        return self._sources[path]

    def module(self, path: Path) -> Module:
        """Return the parsed file."""
        module = self._modules.get(path)
        if module is None:
            module = self.add(path, self.source(path))
        return module

    def add(self, path: Path, source: str) -> Module:
        """Parse a text as the file `path`."""
        parsed = parse(source)
        if parsed.warning:
            self.unread.append(Unread(path, parsed.warning))
        module = Module(path, parsed.tree, source, is_package=path.name == "__init__.py")
        self._modules[path] = module
        return module

    def find(self, name: str, importer: Module, level: int = 0) -> Module | None:
        """Return the file that `import name` in another file means, if it is under examination."""
        if level:
            folder = importer.path.absolute().parent
            for _ in range(level - 1):
                folder = folder.parent
            wanted = (*folder.parts, *(name.split(".") if name else ()))
            return self._at(wanted)
        parts = tuple(name.split("."))
        if not name or parts[0] in _NEVER_OURS:
            return None
        near = importer.path.absolute().parts
        candidates = [
            (_in_common(full, near), path)
            for path, full in self._by_name.get(parts[-1], ())
            if full[-len(parts) :] == parts
        ]
        if not candidates:
            return None
        return self.module(max(candidates, key=lambda candidate: candidate[0])[1])

    def _at(self, wanted: tuple[str, ...]) -> Module | None:
        for path, full in self._by_name.get(wanted[-1], ()) if wanted else ():
            if full == wanted:
                return self.module(path)
        return None


def _in_common(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    count = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        count += 1
    return count


def import_target(node: ast.Import | ast.ImportFrom, name: str) -> tuple[str, str | None, int]:
    """Return what an import binds `name` to: the module, the name in it or None, the level."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            if (alias.asname or alias.name) == name:
                return node.module or "", alias.name, node.level
        elif alias.asname == name:
            return alias.name, None, 0
        elif alias.asname is None and alias.name.partition(".")[0] == name:
            return name, None, 0
    return "", None, 0


_NOT_OURS = {"node_modules", "site-packages", "__pycache__", "build", "dist", "venv"}


def python_files(path: Path, excluded: Iterable[str] = ()) -> Iterator[Path]:
    """Yield a file, or the Python files of a folder; none of an environment or a build.

    `excluded` holds patterns as for `Path.match`.
    """
    if path.is_file():
        yield path
        return
    patterns = list(excluded)
    for folder, folders, files in os.walk(path):
        place = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if name not in _NOT_OURS
            and not name.startswith(".")
            and not any((place / name).match(pattern) for pattern in patterns)
        )
        for name in sorted(files):
            if name.endswith(".py") and not any(
                (place / name).match(pattern) for pattern in patterns
            ):
                yield place / name
