"""The documents as tests read them: blocks of code, commands, links, tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.root import ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\| (`[^|]*`) \|", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """A command that a document tells its reader to type."""

    document: str
    line: str

    def __str__(self) -> str:
        return f"{self.document}: {self.line}"


def blocks(document: Path, language: str) -> list[str]:
    found = _FENCE.findall(document.read_text(encoding="utf-8"))
    return [text for named, text in found if named == language]


def commands(document: Path) -> Iterator[Command]:
    """Those of its sh blocks, and of the `$` lines of its console blocks."""
    lines = [line for text in blocks(document, "sh") for line in text.splitlines()]
    for text in blocks(document, "console"):
        lines += [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    for line in lines:
        if line.strip():
            is_bench = line.startswith(".venv/bin/bench ")  # as who has not activated it types
            yield Command(document.name, line.removeprefix(".venv/bin/") if is_bench else line)


def prose(document: Path) -> str:
    """The document without its blocks of code."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def links(document: Path) -> list[str]:
    return _LINK.findall(prose(document))


def anchors(document: Path) -> set[str]:
    """The names by which GitHub links to a document's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(document: Path, heading: str) -> str:
    """From a heading, given with its #s, to the next of its level or above."""
    text = document.read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"{document.name} has no section {heading!r}"
    level = len(heading.partition(" ")[0])
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def described(text: str) -> list[str]:
    """Every name in backquotes of the first column of its tables."""
    return [name for cell in _ROW.findall(text) for name in re.findall(r"`([^`]+)`", cell)]
