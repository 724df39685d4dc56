"""The log of violations, also of those whose exception is lost, as it easily is in `gather`."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from logging import getLogger

from session_guard.violation import Violation

MOST_KEPT = 1000
"""The number of violations that are kept, the newest: a service that runs for long must not grow
without bound."""

_kept: deque[Violation] = deque(maxlen=MOST_KEPT)
_permissions = 0
_log = getLogger("session_guard")


def record(violation: Violation) -> None:
    """Keep the violation, and log it as an error."""
    _kept.append(violation)
    _log.error("%s", violation)


def violations(*, clear: bool = False) -> tuple[Violation, ...]:
    """Return the violations of this process, oldest first, at most `MOST_KEPT`.

    `clear` removes the returned ones, and no violation that is recorded in the meantime.
    """
    if not clear:
        return tuple(_kept)
    taken = []
    while _kept:
        taken.append(_kept.popleft())
    return tuple(taken)


@contextmanager
def permitted() -> Iterator[None]:
    """Let the whole process share sessions within the block: nothing is recorded or refused."""
    global _permissions
    _permissions += 1
    try:
        yield
    finally:
        _permissions -= 1


def is_permitted() -> bool:
    return _permissions > 0
