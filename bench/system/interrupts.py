"""Ctrl-C: heard wherever it falls, held back where it would leave something behind."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_HEARD = (signal.SIGINT, signal.SIGTERM)

_AGAIN_S = 0.01
"""Time to get out of where Python could not raise it."""


def hear() -> None:
    """From now on Ctrl-C and SIGTERM raise `KeyboardInterrupt` in the main thread; none is lost.

    One that falls into a callback of the garbage collector or of a weak reference (the import
    system has some) is printed with its traceback and forgotten by Python; here it is sent again.
    https://docs.python.org/3/library/signal.html#handlers-and-exceptions
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.unraisablehook = _send_again


def ignore() -> None:
    """From now on neither is heard: what takes time is done, the process is about to end."""
    for each in _HEARD:
        signal.signal(each, signal.SIG_IGN)


@contextmanager
def held_back() -> Iterator[None]:
    """Both wait until this is over; a process started within never hears Ctrl-C.

    For what leaves something behind when it is cut short, and around the first import of
    matplotlib, whose extensions take it for a failed import, or end the process. In the main
    thread; in another, where neither is raised, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    handlers = {
        each: signal.signal(each, lambda number, _: heard.append(number)) for each in _HEARD
    }
    # Only for processes to come: any other thread of this one would take it, and hand it to us.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for each, handler in handlers.items():
            signal.signal(each, handler)
        if heard:
            signal.raise_signal(heard[0])


def _send_again(unraisable: "sys.UnraisableHookArgs") -> None:
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
    elif (main := threading.main_thread().ident) is not None:
        threading.Timer(_AGAIN_S, signal.pthread_kill, (main, signal.SIGINT)).start()
