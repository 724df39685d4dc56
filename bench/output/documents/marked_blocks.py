"""Blocks of a document that a command writes, each between its own markers.

    <!-- figures: NAME -->
    ...
    <!-- end -->

A figure can stand in a document only if a command produced it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from bench.model.errors import BenchError
from bench.system.output_files import write_text

_MARKED = re.compile(r"<!-- figures: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def marked(name: str, block: str) -> str:
    """Return a block with its markers, as a document contains it."""
    return f"<!-- figures: {name} -->\n\n{block}\n\n<!-- end -->"


def fill(document: Path, blocks: Mapping[str, str]) -> None:
    """Write each block between its markers.

    Raises `BenchError` for a marker without a block, and for a block without a marker.
    """
    text = document.read_text(encoding="utf-8")
    names = set(_MARKED.findall(text))
    if unknown := names - blocks.keys():
        raise BenchError(f"{document} has markers without a block: {', '.join(sorted(unknown))}.")
    if missing := blocks.keys() - names:
        raise BenchError(f"{document} lacks the markers of {', '.join(sorted(missing))}.")
    filled = _MARKED.sub(lambda match: marked(match[1], blocks[match[1]]), text)
    write_text(document, filled)
