"""Attempts to make each part of the output: a part that fails does not stop the others.

The measurement is kept in any case.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.model.errors import BenchError
from bench.output.terminal.safe_text import echo
from bench.results.archive import LeftOut

MOST_NAMED = 3
"""The most left-out runs that are named on stderr. The index names them all."""


@dataclass
class Attempts:
    """The parts of an output, made one after the other. A line on stderr names each failure."""

    again: str
    """The command that makes the parts again."""
    failed: dict[str, str] = field(default_factory=dict)
    """Each part that was not made -> the reason, without the full stop."""

    @contextmanager
    def at(self, part: str) -> Iterator[None]:
        """Make a part inside the `with` block.

        An error is printed on stderr and recorded in `failed`. A closed pipe and Ctrl-C are raised.
        """
        try:
            yield
        except BrokenPipeError:
            raise
        except Exception as error:
            self.failed[part] = reason(error)
            echo(f"could not make {part}: {self.failed[part]}. Try again: {self.again}", err=True)


def reason(error: Exception) -> str:
    """Return the error in one line, without the full stop."""
    if isinstance(error, OSError) and error.strerror:
        words = f"cannot write {error.filename}" if error.filename else "cannot write"
        return f"{words}: {error.strerror}"
    text = str(error).partition("\n")[0].rstrip(".")
    return text if isinstance(error, BenchError) else f"{type(error).__name__}: {text}"


def tell_left_out(runs: list[LeftOut]) -> None:
    """Name on stderr the runs that can't be read."""
    for run in runs[:MOST_NAMED]:
        echo(f"left out: {run.reason}", err=True)
    if len(runs) > MOST_NAMED:
        more = len(runs) - MOST_NAMED
        echo(f"left out: {more} more runs; results/index.html names them", err=True)
