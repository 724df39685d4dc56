"""Backend modules are somebody else's code: what importing one does stays its own affair."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import FrameType


@contextmanager
def contained(seconds: float) -> Iterator[None]:
    """Import a module within: what it prints goes to stderr, and a copy that it forks ends here.

    An import that takes longer than `seconds` is interrupted by `TimeoutError`; in another thread
    than the main one there is no such limit.
    """
    process = os.getpid()
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr), _time_limit(seconds):
            yield
    finally:
        if os.getpid() != process:  # it would go on as a second command beside this one
            os._exit(1)
        os.dup2(stdout, 1)
        os.close(stdout)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"its import did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
