"""The links of a run: what its own programs put between clients and server.

A proxy in a process of its own has a port for each network asked for. A PgBouncer is started for
each size of its pool.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Self

from bench.model.case import Case
from bench.model.errors import BenchError
from bench.model.link import Link
from bench.model.pool import Pool
from bench.results.entries import LinkCounts
from bench.server.pgbouncer import PgBouncer, installed
from bench.server.proxy.address import address_of, at_one_host, through
from bench.server.proxy.process import Proxy


class Links:
    """Leads the clients of a case through its link. A context manager; nothing is left behind.

    The proxy is started for the first case that needs one.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._stack = ExitStack()
        self._proxy: Proxy | None = None
        self._ports: dict[Link, int] = {}
        self._pgbouncers: dict[int, PgBouncer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start_pgbouncers(self, cases: Iterable[Case]) -> str:
        """Start the PgBouncers of the cases. Return why they cannot be; an empty text if they run.

        The reason is one line.
        """
        sizes = {case.pool.pooler_size for case in cases if case.pool.pooler_size}
        program = installed() if sizes else None
        if sizes and program is None:
            return "PgBouncer is not installed here"
        try:
            for size in sorted(sizes):
                assert program is not None
                made = PgBouncer(program, self._url, size)
                self._pgbouncers[size] = self._stack.enter_context(made)
        except BenchError as error:
            return str(error).partition("\n")[0].removesuffix(".")
        return ""

    def url(
        self, url: str, link: Link, driver: str = "", loop: str = "", pool: Pool | None = None
    ) -> str:
        """Return the URL that leads this driver to the same database over this link.

        `pool`: that of the case, which may have a PgBouncer. Raises `BenchError` if the proxy has
        ended, or if it cannot be between (`through`).
        """
        if pool is not None and pool.pooler_size is not None:
            return self._pgbouncers[pool.pooler_size].url(url)
        if self._proxy is not None:
            self._proxy.check()
        if link.is_direct:
            return url
        return through(at_one_host(url), self._port(link), driver=driver, loop=loop)

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
            self._ports[link] = self._proxy.open(address_of(at_one_host(self._url)), link)
        return self._ports[link]
