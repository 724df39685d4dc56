"""The selection: the summaries to show, by backend, in one order.

Charts, findings and the report are made from it, so that all show the same cases.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.analysis import stats
from bench.analysis.look import Look, layer_place, look_of, place
from bench.analysis.summary import Summary, summarise
from bench.analysis.verdict import NoiseFloor, noise_floor
from bench.model.case import Case
from bench.model.connect import SEPARATOR
from bench.results.file import Results
from bench.results.header import Header


@dataclass(frozen=True)
class Selection:
    """The part of the results that charts show."""

    header: Header
    summaries: tuple[Summary, ...]
    looks: Mapping[str, Look]
    """By backend, in the order of every chart: layer by layer, then by driver; null last."""
    floor: NoiseFloor | None = None
    every: tuple[Summary, ...] = ()
    """Every summary of the closed loop: also those with the other event loop or state of the
    allocator, and with other ways to connect, which few charts show."""
    at_rate: tuple[Summary, ...] = ()
    """The summaries at an arrival rate, which no chart puts beside those of a closed loop."""

    @property
    def workloads(self) -> list[str]:
        return list(dict.fromkeys(summary.case.workload for summary in self.summaries))

    @property
    def variants(self) -> tuple[Summary, ...]:
        """Every summary, if a backend connects in several ways; `summaries` have the first way."""
        ways = _first_ways(self.header)
        several = any(s.case.connect != ways[s.case.backend] for s in self.every)
        return self.every if several else ()

    @property
    def rounds_in_words(self) -> str:
        """`6 rounds`; where not every case was run in all of them, `1 to 6 rounds`."""
        words = " to ".join(str(number) for number in sorted({min(self._made), self.rounds}))
        return f"{words} round{'s' if self.rounds != 1 else ''}"

    @property
    def windows_in_words(self) -> str:
        """`6 rounds of 0.2 s`; `of at least 1 s` at an arrival rate: a low one has longer ones."""
        length = f"{self.header.seconds_in_words} s"
        if self.at_rate:
            length = f"at least {self.header.rate_seconds_in_words} s"
        return f"{self.rounds_in_words} of {length}"

    @property
    def loop_in_words(self) -> str:
        """The event loop that charts show, unless only asyncio was measured."""
        measured = {summary.case.loop for summary in (*self.every, *self.at_rate)} - {"none"}
        if "uvloop" not in measured:
            return ""
        return "asyncio, the first of two event loops" if len(measured) > 1 else "uvloop"

    @property
    def allocator_in_words(self) -> str:
        """The state of the allocator that charts show, unless only the warmed one was measured."""
        measured = {summary.case.allocator for summary in (*self.every, *self.at_rate)}
        if "fresh" not in measured:
            return ""
        several = len(measured) > 1
        return "allocator warmed, the first of two states" if several else "allocator fresh"

    @property
    def connected_in_words(self) -> str:
        """The settings of `--connect` that charts show; empty if there are none."""
        shown = (*self.summaries, *self.at_rate)
        ways = (summary.case.connect.split(SEPARATOR) for summary in shown)
        settings = list(dict.fromkeys(setting for way in ways for setting in way if setting))
        if not self.variants:
            return f"--connect {', '.join(settings)}" if settings else ""
        first = ", ".join(settings) or "the defaults"
        return f"the first of several ways to connect: {first}"

    @property
    def intervals_in_words(self) -> str:
        """The meaning of the intervals of these rounds, in words."""
        several = [number for number in self._made if number > 1]
        return stats.describe_interval(self.rounds, min(several, default=None))

    @property
    def _made(self) -> set[int]:
        """The numbers of rounds that cases have."""
        shown = (*self.summaries, *self.at_rate)
        return {len(summary.rounds) for summary in shown if summary.rounds} or {0}

    @property
    def load_in_words(self) -> str:
        """`closed loop` or `open loop`, or both."""
        loops = ["closed loop"] * bool(self.summaries) + ["open loop"] * bool(self.at_rate)
        return " and ".join(loops) or "closed loop"

    @property
    def rounds(self) -> int:
        return max(self._made)

    def alike(self, workload: str, *varied: str, size: int | None = None) -> list[Summary]:
        """Return the cases of a workload that differ in backend, concurrency and `varied` alone.

        `varied`: names of factors; a kind of cases that has only their defaults is left out.
        `size`: only cases of this number of rows. The cases are the plain ones (buffered, a session
        a task, autocommit, native rows, no network between) if there are any; otherwise those of
        the most frequent kind, and of the largest result among these.
        """
        kinds: dict[Case, list[Summary]] = {}
        for summary in self.summaries:
            case = summary.case
            if case.workload == workload and summary.rounds and size in (None, case.size):
                kinds.setdefault(_kind(case, varied), []).append(summary)
        if varied:
            kinds = {
                kind: summaries
                for kind, summaries in kinds.items()
                if any(_kind(summary.case) != kind for summary in summaries)
            }
        if not kinds:
            return []
        plain = kinds.get(Case("", workload))
        if plain is None:
            _, plain = max(kinds.items(), key=lambda of: (len(of[1]), of[0].size or 0))
        return self.ordered(plain)

    def marked(self, workload: str) -> list[Summary]:
        """Return the cases of a workload with a failure."""
        return [s for s in self.summaries if s.case.workload == workload and s.marked]

    def ordered(self, summaries: Iterable[Summary]) -> list[Summary]:
        """Return the summaries in the order of every chart, then by concurrency."""
        places = {name: place for place, name in enumerate(self.looks)}
        return sorted(summaries, key=lambda s: (places[s.case.backend], s.case.concurrency))

    def layers(self, summaries: Iterable[Summary]) -> list[str]:
        """Return the layers that the summaries have, without null."""
        seen = {self.looks[summary.case.backend].layer for summary in summaries} - {"null"}
        return sorted(seen, key=layer_place)


def select(results: Results, summaries: list[Summary] | None = None) -> Selection:
    """Return the selection. A backend that the header does not describe is known by its name only.

    The noise floor's twin is not a backend, so no chart shows it.
    """
    return select_from(results.header, summarise(results) if summaries is None else summaries)


def select_from(header: Header, measured: Sequence[Summary]) -> Selection:
    """Return the selection of these summaries of a run."""
    originals = [summary for summary in measured if not summary.case.twin]
    at_rate = tuple(summary for summary in originals if summary.case.rate is not None)
    made = [summary for summary in originals if summary.case.rate is None]
    # Where a backend connects in several ways, charts show the first: tables and findings have all.
    ways = _first_ways(header)
    every = tuple(made)
    made = [summary for summary in made if summary.case.connect == ways[summary.case.backend]]
    # Of a case with both event loops, or both states of the allocator, most charts show asyncio and
    # the warmed allocator. Tables have all, and `bench.analysis.beside` puts them side by side.
    by_plain_case = {_plain(summary.case): summary for summary in made}
    for summary in made:
        if summary.case == _plain(summary.case):
            by_plain_case[summary.case] = summary
    found = tuple(by_plain_case.values())
    looks = [
        look_of(name, header.backend(name))
        for name in dict.fromkeys(summary.case.backend for summary in (*found, *at_rate))
    ]
    in_order = {look.name: look for look in sorted(looks, key=place)}
    floor = noise_floor(measured)
    return Selection(header, found, in_order, floor, every, at_rate)


def _first_ways(header: Header) -> dict[str, str]:
    """Return backend -> the way to connect of its first case in the plan."""
    ways: dict[str, str] = {}
    for case in header.plan:
        ways.setdefault(case.backend, case.connect)
    return ways


def busiest(summaries: Iterable[Summary]) -> int:
    """Return the concurrency with the most cases; the highest if there are several."""
    counts = Counter(summary.case.concurrency for summary in summaries)
    return max(counts, key=lambda concurrency: (counts[concurrency], concurrency))


def by_backend(summaries: Iterable[Summary]) -> dict[str, list[Summary]]:
    grouped: dict[str, list[Summary]] = {}
    for summary in summaries:
        grouped.setdefault(summary.case.backend, []).append(summary)
    return grouped


def _plain(case: Case) -> Case:
    """Return the case with asyncio, if it has an event loop, and with the warmed allocator."""
    return replace(case, loop="none" if case.loop == "none" else "asyncio", allocator="warmed")


def _kind(case: Case, varied: Iterable[str] = ()) -> Case:
    plain = Case("", case.workload)
    defaults = {name: getattr(plain, name) for name in varied}
    return replace(case, backend="", concurrency=1, loop="asyncio", connect="", **defaults)
