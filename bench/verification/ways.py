"""The ways in which backends connect, each of which is verified."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from accessors import DiscoveredBackend
from accessors.api import Target, Transactions
from bench.model.case import Case
from bench.model.connect import Setting, arguments, variants
from bench.model.fetch import Fetch


@dataclass(frozen=True)
class Way:
    """A way in which a backend connects, with the transactions of its reads."""

    connect: str = ""
    """The settings of `--connect`; empty for none."""
    transactions: Transactions = "autocommit"
    fetches: tuple[Fetch, ...] | None = None
    """The ways of fetching to verify beside `buffered`; None: those that are asked for."""

    def target(self, url: str) -> Target:
        """Return the target of one connection."""
        connect, engine = arguments(self.connect)
        return Target(url, 1, self.transactions, connect, engine)


def ways_of(cases: Iterable[Case], *, own_fetches: bool = False) -> dict[str, list[Way]]:
    """Return backend -> the ways in which its cases connect; in autocommit if any case is.

    `own_fetches`: each is verified in the ways of fetching of its own cases alone.
    """
    ways: dict[str, dict[str, list[Case]]] = {}
    for case in cases:
        ways.setdefault(case.backend, {}).setdefault(case.connect, []).append(case)
    return {
        backend: [_way(connect, alike, own_fetches) for connect, alike in by_connect.items()]
        for backend, by_connect in ways.items()
    }


def ways_to_connect(
    settings: Sequence[Setting], backends: Mapping[str, DiscoveredBackend]
) -> dict[str, list[Way]]:
    """Return backend -> the ways in which these settings let it connect."""
    return {
        name: [Way(connect) for connect in variants(settings, found.backend)]
        for name, found in backends.items()
        if found.backend
    }


def _way(connect: str, cases: Sequence[Case], own_fetches: bool) -> Way:
    modes = {case.transactions for case in cases}
    fetches = tuple(sorted({case.fetch for case in cases})) if own_fetches else None
    return Way(connect, "autocommit" if "autocommit" in modes else "implicit", fetches)
