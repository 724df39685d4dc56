"""Import backend modules, which are foreign code, without side effects on the command."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import FrameType


@contextmanager
def contained(seconds: float) -> Iterator[None]:
    """Contain the import in the block: its prints go to stderr, and a process it forks ends here.

    An import that takes longer than `seconds` is interrupted by `TimeoutError`. There is no such
    limit outside the main thread, because only the main thread can receive signals.
    """
    process = os.getpid()
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr), _time_limit(seconds):
            yield
    finally:
        if os.getpid() != process:  # otherwise a forked process would continue as a second command
            os._exit(1)
        os.dup2(stdout, 1)
        os.close(stdout)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"the import did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
