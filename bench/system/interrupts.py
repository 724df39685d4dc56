"""Ctrl-C, SIGTERM and SIGHUP: heard at any moment, delayed where they would leave something behind.

SIGQUIT (Ctrl-\\) keeps its usual meaning, the end at once, for who can't wait for charts: nothing
more is written, and `bench charts` draws what was measured until then.
"""

import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_AGAIN_S = 0.01
"""Time to get out of where Python could not raise it."""


def hear() -> None:
    """From now on each of the three raises `KeyboardInterrupt` in the main thread; none is lost.

    One that was ignored when the command began stays ignored, as nohup wants SIGHUP to be.

    One that falls into a callback of the garbage collector or of a weak reference (the import
    system has some) is printed with its traceback and forgotten by Python; here it is sent again.
    https://docs.python.org/3/library/signal.html#handlers-and-exceptions
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    sys.unraisablehook = _send_again


def ignore() -> None:
    """From now on none is heard: what takes time is done, the process is about to end."""
    for number in _HEARD:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def held_back() -> Iterator[None]:
    """All three wait until this is over; a process started within never hears them.

    For what leaves something behind when it is cut short, and around the first import of
    matplotlib, whose extensions take it for a failed import, or end the process. In the main
    thread; in another, where none is raised, it does nothing.

    A process that is started within would otherwise die of what is sent to the whole group, by a
    terminal that is closed or a batch system, and be reported as a failure of its backend.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: heard.append(number)) for number in _HEARD
    }
    # Only for processes to come: any other thread of this one would take it, and hand it to us.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if heard:
            signal.raise_signal(heard[0])


def _interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        _leave_lost_terminal()
    raise KeyboardInterrupt


def _leave_lost_terminal() -> None:
    """Write to nowhere what would be written to a terminal that was closed: each try would fail."""
    for file in (sys.__stdout__, sys.__stderr__):
        with suppress(OSError, ValueError, AttributeError):
            number = file.fileno()  # type: ignore[union-attr]
            # A terminal that has hung up is a device still, and says that it is no terminal.
            if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, number)
                os.close(nowhere)


def _send_again(unraisable: "sys.UnraisableHookArgs") -> None:
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    main = threading.main_thread().ident
    heard = (number for number in _HEARD if signal.getsignal(number) is not signal.SIG_IGN)
    if main is not None and (number := next(heard, None)):
        threading.Timer(_AGAIN_S, signal.pthread_kill, (main, number)).start()
