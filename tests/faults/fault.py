"""A fault: what is done to the real thing, and what a user then sees. docs/faults.md lists them."""

import re
from dataclasses import dataclass

from tests.bench.command import Done


@dataclass(frozen=True)
class Fault:
    """One fault. Made at the top of a test module, it becomes a row of the document."""

    what: str
    """What happens."""
    seen: str
    """What is seen: the error as it is printed, with … for what differs; or, in words, what is
    seen where the command goes on."""
    code: int | None
    """The exit code; None where the command goes on, and the test ends it in the end."""

    def is_shown_by(self, done: Done) -> None:
        """The exit code is right, and the error has two lines, of which the first is `seen`."""
        assert done.code == self.code, done
        assert len(done.error) == 2, done
        pattern = ".*".join(re.escape(part) for part in self.seen.split("…"))
        assert re.fullmatch(pattern, done.error[0]), done


def is_well(done: Done) -> None:
    """It ended as if nothing had happened."""
    assert done.code == 0, done
    assert done.error == [], done
