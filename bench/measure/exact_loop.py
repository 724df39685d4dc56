"""An event loop whose timers are exact to some microseconds, for arrivals.

asyncio waits for its next timer in `epoll_wait`, whose timeout is in whole milliseconds, rounded up
(https://docs.python.org/3/library/select.html#select.epoll.poll): a lone client would start up to
1 ms late. `select` has microseconds, and an epoll descriptor is readable when epoll has an event
(https://man7.org/linux/man-pages/man7/epoll.7.html).
"""

import asyncio
import select
import selectors
from typing import Any

_FD_SETSIZE = 1024
"""The number from which `select` takes no descriptor."""

# kqueue, which other systems have, counts in nanoseconds.
_Selector: Any = getattr(selectors, "EpollSelector", selectors.DefaultSelector)


class ExactSelector(_Selector):  # type: ignore[misc]
    """A selector that waits no longer than it is asked to."""

    def select(self, timeout: float | None = None) -> Any:
        """Wait for events, at most `timeout` seconds; None is without end."""
        if timeout is not None and timeout > 0 and self.fileno() < _FD_SETSIZE:
            select.select([self.fileno()], (), (), timeout)
            timeout = 0
        return super().select(timeout)


def exact_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop with exact timers."""
    return asyncio.SelectorEventLoop(ExactSelector())
