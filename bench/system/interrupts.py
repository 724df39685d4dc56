"""Ctrl-C, SIGTERM and SIGHUP: they end a command, and are delayed where that would leave remains.

SIGQUIT (Ctrl-\\) keeps its usual meaning: the command ends at once, for a user who does not want to
wait for charts. Nothing more is written, and `bench charts` draws what was measured until then.
"""

import atexit
import logging
import os
import signal
import stat
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_AGAIN_S = 0.05
"""Time for Python to leave the code in which it could not raise the interrupt."""

_received: list[int] = []
"""The signals that raised an interrupt. Not SIGINT, which Python or asyncio handles."""


def hear() -> None:
    """Make each of the three signals raise `KeyboardInterrupt` in the main thread. None is lost.

    A signal that was ignored when the command began stays ignored: nohup does this with SIGHUP.

    Python prints and forgets an exception that is raised in a callback of the garbage collector or
    of a weak reference (the import system has some). In that case the signal is sent again.
    https://docs.python.org/3/library/signal.html#handlers-and-exceptions

    What a library logs of an error that the interrupt caused is not shown: psycopg does so where
    the interrupt came in the midst of a statement, and its rollback fails. Nor is shown what
    asyncio logs of the interrupt itself, for a task whose result nobody waits for any more. After
    SIGTERM or SIGHUP, which libraries do not know, no library says anything: SQLAlchemy warns of a
    connection that the interrupt kept from its pool.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    sys.unraisablehook = _send_again
    if logging.lastResort is not None:
        logging.lastResort.addFilter(_is_of_no_interrupt)


def ignore() -> None:
    """Ignore all three from now on: the work is done, and the process is about to end."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def ignore_at_exit() -> None:
    """Ignore all three when Python begins to end: the work is done by then.

    At its end, Python gives signals their usual meaning again: one would kill the process, and its
    exit code would be that of a failure.
    """
    atexit.register(ignore)  # the last one that is registered is the first one that is called


@contextmanager
def held_back() -> Iterator[None]:
    """Delay all three signals until the block ends. A process that starts in it never gets them.

    Use it where an interrupt would leave something behind. Use it also around the first import of
    matplotlib: its extensions take the interrupt for a failed import, or end the process. It works
    in the main thread; in another thread, where no signal is raised, it does nothing.

    A terminal that is closed, or a batch system, sends the signal to the whole process group. A
    process that starts in the block would die of it, and would be reported as a failure of its
    backend.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in _SIGNALS
    }
    # The mask is for new processes. In this one, another thread takes the signal and passes it on.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


def _interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        _leave_lost_terminal()
    _received.append(number)
    warnings.simplefilter("ignore")
    raise KeyboardInterrupt


def _leave_lost_terminal() -> None:
    """Redirect output from a closed terminal to nowhere, because every write to it would fail."""
    for file in (sys.__stdout__, sys.__stderr__):
        with suppress(OSError, ValueError, AttributeError):
            number = file.fileno()  # type: ignore[union-attr]
            # A terminal that was closed is still a device, but isatty() is false.
            if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, number)
                os.close(nowhere)


def _is_of_no_interrupt(record: logging.LogRecord) -> bool:
    """Return False for what a library logs after an interrupt, or because of one."""
    if record.name.partition(".")[0] == "bench":
        return True
    recorded = record.exc_info[1] if record.exc_info else None
    # asyncio logs it of a result that comes after Ctrl-C has cancelled the task that waits for it.
    if record.name == "asyncio" and type(recorded).__name__ == "InvalidStateError":
        return False
    return not (_received or _is_caused(recorded) or _is_caused(sys.exception()))


def _is_caused(error: BaseException | None) -> bool:
    """Return whether the error is an interrupt, or was raised because of one."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _send_again(unraisable: "sys.UnraisableHookArgs") -> None:
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    main = threading.main_thread().ident
    active = (number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN)
    if main is not None and (number := next(active, None)):
        while True:
            # On a busy machine the signal may come before `start` returns, and would be lost again.
            with suppress(KeyboardInterrupt):
                threading.Timer(_AGAIN_S, signal.pthread_kill, (main, number)).start()
                return
