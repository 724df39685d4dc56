"""The links of a run: a proxy in a process of its own, with a port for each network asked for."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from bench.model.case import Case
from bench.model.link import Link
from bench.results.entries import LinkCounts
from bench.server.proxy.address import address_of, through
from bench.server.proxy.process import Proxy


class Links:
    """Leads the clients of a case through its link. A context manager; nothing is left behind.

    The proxy is started for the first case that needs one.
    """

    def __init__(self, url: str) -> None:
        self._target = address_of(url)
        self._stack = ExitStack()
        self._proxy: Proxy | None = None
        self._ports: dict[Link, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def url(self, url: str, link: Link, driver: str = "", loop: str = "") -> str:
        """Return the URL that leads this driver to the same database over this link.

        Raises `BenchError` if the proxy has ended, or if it cannot be between (`through`).
        """
        if self._proxy is not None:
            self._proxy.check()
        if link.is_direct:
            return url
        return through(url, self._port(link), driver=driver, loop=loop)

    def entries(self, cases: Iterable[Case]) -> Iterator[LinkCounts]:
        """Yield the counts of each link since it was opened, or since the last call.

        Raises `BenchError` if the proxy has ended.
        """
        for case in {case.link: case for case in reversed(list(cases))}.values():
            if self._proxy and case.link in self._ports:
                counts = self._proxy.counts(self._ports[case.link])
                yield LinkCounts(
                    case,
                    counts.round_trips,
                    counts.bytes_to_server,
                    counts.bytes_to_client,
                    counts.late_p50_us,
                    counts.late_p99_us,
                )

    def _port(self, link: Link) -> int:
        if self._proxy is None:
            self._proxy = self._stack.enter_context(Proxy())
        if link not in self._ports:
            self._ports[link] = self._proxy.open(self._target, link)
        return self._ports[link]
