"""A fault: the event, and what the user sees. docs/faults.md lists all faults."""

import re
from dataclasses import dataclass

from tests.bench.command import Done


@dataclass(frozen=True)
class Fault:
    """A fault. Each fault at the top of a test module is a row of the document."""

    what: str
    """The event."""
    seen: str
    """The printed error, with … for the parts that vary; or a description of what the user sees if
    the command continues."""
    code: int | None
    """The exit code; None if the command continues until the test ends it."""
    instead: tuple[str, ...] = ()
    """Other printed errors, where chance decides which of the command's connections is the first to
    notice."""

    def is_shown_by(self, done: Done) -> None:
        """Assert that the exit code is right, and that the first of two error lines is `seen`.

        One of `instead` is as right.
        """
        assert done.code == self.code, done
        assert len(done.error) == 2, done
        assert any(_fits(form, done.error[0]) for form in (self.seen, *self.instead)), done


def _fits(form: str, error: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in form.split("…"))
    return re.fullmatch(pattern, error) is not None


def is_well(done: Done) -> None:
    """Assert that the command ended without an error."""
    assert done.code == 0, done
    assert done.error == [], done
