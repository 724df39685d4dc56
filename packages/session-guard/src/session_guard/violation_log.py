"""What was found is kept, also where the exception was swallowed: `gather` loses them easily."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from logging import getLogger

from session_guard.violation import Violation

MOST_KEPT = 1000
"""The oldest go: a service that is wrong all day must not grow without bound."""

_found: deque[Violation] = deque(maxlen=MOST_KEPT)
_permissions = 0
_log = getLogger("session_guard")


def record(violation: Violation) -> None:
    """Keep it, and log it as an error."""
    _found.append(violation)
    _log.error("%s", violation)


def violations(*, clear: bool = False) -> tuple[Violation, ...]:
    """All that was found in this process, oldest first, at most `MOST_KEPT`.

    `clear` forgets them in the same step: what is found in between is not lost.
    """
    if not clear:
        return tuple(_found)
    taken = []
    while _found:
        taken.append(_found.popleft())
    return tuple(taken)


@contextmanager
def permitted() -> Iterator[None]:
    """Within it the whole process may share: nothing is recorded, and nothing refused."""
    global _permissions
    _permissions += 1
    try:
        yield
    finally:
        _permissions -= 1


def is_permitted() -> bool:
    return _permissions > 0
