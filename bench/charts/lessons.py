"""What lessons found, as pictures."""

from pathlib import Path

from bench.lessons.record import Record


def draw(record: Record, folder: Path) -> list[Path]:
    """The lesson's chart as PNG and SVG in the folder."""
    return []
