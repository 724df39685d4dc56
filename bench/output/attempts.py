"""What only shows a measurement: each part is attempted, and none can fail what was measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.model.errors import BenchError
from bench.output.terminal.safe_text import echo
from bench.results.archive import LeftOut

MOST_TOLD = 3
"""Runs that are left out are named up to here; the index names them all."""


@dataclass
class Attempts:
    """Parts that are made one after the other. One that fails is named in a line on stderr."""

    again: str
    """The command that makes them again."""
    failed: dict[str, str] = field(default_factory=dict)
    """Each part that was not made -> why, without the full stop."""

    @contextmanager
    def at(self, part: str) -> Iterator[None]:
        """Make the part within. An error other than a closed pipe or Ctrl-C goes no further."""
        try:
            yield
        except BrokenPipeError:
            raise
        except Exception as error:
            self.failed[part] = reason(error)
            echo(f"could not make {part}: {self.failed[part]}. Try again: {self.again}", err=True)


def reason(error: Exception) -> str:
    """Return the error in a line, without the full stop."""
    if isinstance(error, OSError) and error.strerror:
        words = f"cannot write {error.filename}" if error.filename else "cannot write"
        return f"{words}: {error.strerror}"
    text = str(error).partition("\n")[0].rstrip(".")
    return text if isinstance(error, BenchError) else f"{type(error).__name__}: {text}"


def tell_left_out(runs: list[LeftOut]) -> None:
    """Name the runs that can't be read, on stderr."""
    for run in runs[:MOST_TOLD]:
        echo(f"left out: {run.reason}", err=True)
    if len(runs) > MOST_TOLD:
        more = len(runs) - MOST_TOLD
        echo(f"left out: {more} more runs; results/index.html names them", err=True)
