"""What there is to show: summaries by backend, chosen from the file alone, in one order.

Of it charts, findings and the report are made, so that all show the same cases in the same hues.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bench.analysis import stats
from bench.analysis.summary import Summary, summarise
from bench.analysis.verdict import NoiseFloor, noise_floor
from bench.model.case import Case, Fetch
from bench.model.workload import WORKLOADS
from bench.results.file import Results
from bench.results.header import BackendFacts, Header

LAYERS = ("driver", "core", "orm")
DRIVERS = ("psycopg2", "psycopg", "asyncpg")
LAYER_NAMES = {"driver": "driver alone", "core": "SQLAlchemy Core", "orm": "SQLAlchemy ORM"}
FLOOR = "null (the harness's floor)"

GREY = "#a3a3a3"
_HUES = {"psycopg2": "#d98200", "psycopg": "#009e73", "asyncpg": "#0072b2"}
_OTHER_HUES = ("#cc79a7", "#6a4c93", "#56b4e9", "#8c6d1f", "#4d4d4d")
"""Okabe and Ito, "Color Universal Design", 2008: told apart by the colour-blind."""


@dataclass(frozen=True)
class Look:
    """What a backend is, as its results say: what its colour, marker and line are made of."""

    name: str
    colour: str
    """Of function: `sync` or `async`."""
    layer: str
    driver: str

    @property
    def null(self) -> bool:
        return self.layer == "null"


@dataclass(frozen=True)
class Subject:
    """The results as charts see them."""

    header: Header
    summaries: tuple[Summary, ...]
    looks: Mapping[str, Look]
    """By backend, in the order of every chart: layer by layer, then by driver; null last."""
    floor: NoiseFloor | None = None

    @property
    def workloads(self) -> list[str]:
        return list(dict.fromkeys(summary.case.workload for summary in self.summaries))

    @property
    def rounds_in_words(self) -> str:
        """`6 rounds`; where not every case was run in all of them, `1 to 6 rounds`."""
        words = " to ".join(str(number) for number in sorted({min(self._made), self.rounds}))
        return f"{words} round{'s' if self.rounds != 1 else ''}"

    @property
    def intervals_in_words(self) -> str:
        """What the intervals of these rounds are."""
        several = [number for number in self._made if number > 1]
        return stats.describe_interval(self.rounds, min(several, default=None))

    @property
    def _made(self) -> set[int]:
        """In how many rounds cases were run."""
        return {len(summary.rounds) for summary in self.summaries if summary.rounds} or {0}

    @property
    def rounds(self) -> int:
        return max(self._made)

    def alike(self, workload: str) -> list[Summary]:
        """The runs of a workload that differ in backend and concurrency alone.

        The plain ones (buffered, a session a task, autocommit, native rows) where there are any;
        else those of the commonest kind.
        """
        kinds: dict[Case, list[Summary]] = {}
        for summary in self.summaries:
            if summary.case.workload == workload and summary.rounds:
                kinds.setdefault(_kind(summary.case), []).append(summary)
        if not kinds:
            return []
        chosen = kinds.get(Case("", workload)) or max(kinds.values(), key=len)
        return self.ordered(chosen)

    def marked(self, workload: str) -> list[Summary]:
        """The cases of a workload of which something failed."""
        return [each for each in self.summaries if each.case.workload == workload and each.marked]

    def hue(self, look: Look) -> str:
        """The driver's colour, `#rrggbb`; drivers that we don't know take the others, by name."""
        if look.null:
            return GREY
        others = sorted({each.driver for each in self.looks.values()} - _HUES.keys() - {"null"})
        if look.driver in _HUES:
            return _HUES[look.driver]
        return _OTHER_HUES[others.index(look.driver) % len(_OTHER_HUES)]

    def ordered(self, summaries: Iterable[Summary]) -> list[Summary]:
        """In the order of every chart, then by concurrency."""
        places = {name: place for place, name in enumerate(self.looks)}
        return sorted(summaries, key=lambda s: (places[s.case.backend], s.case.concurrency))

    def layers(self, summaries: Iterable[Summary]) -> list[str]:
        """Those that the summaries have, without null."""
        seen = {self.looks[summary.case.backend].layer for summary in summaries} - {"null"}
        return sorted(seen, key=_layer_place)


def subject_of(results: Results, summaries: list[Summary] | None = None) -> Subject:
    """What to draw of the results; backends that the header does not describe are told by name.

    The noise floor's twin is no backend, and nowhere drawn as one.
    """
    measured = summarise(results) if summaries is None else summaries
    made = [summary for summary in measured if not summary.case.twin]
    # Where a case was run on both event loops, charts show asyncio's: tables have both.
    on_loops = {replace(summary.case, loop="asyncio"): summary for summary in made}
    for summary in made:
        if summary.case.loop == "asyncio":
            on_loops[summary.case] = summary
    found = tuple(on_loops.values())
    looks = [
        look_of(name, results.header.backend(name))
        for name in dict.fromkeys(summary.case.backend for summary in found)
    ]
    in_order = {look.name: look for look in sorted(looks, key=_place)}
    return Subject(results.header, found, in_order, noise_floor(measured))


def busiest(summaries: Iterable[Summary]) -> int:
    """The concurrency with the most cases; the highest of several."""
    counts = Counter(summary.case.concurrency for summary in summaries)
    return max(counts, key=lambda concurrency: (counts[concurrency], concurrency))


def by_backend(summaries: Iterable[Summary]) -> dict[str, list[Summary]]:
    grouped: dict[str, list[Summary]] = {}
    for summary in summaries:
        grouped.setdefault(summary.case.backend, []).append(summary)
    return grouped


def asked(workload: str) -> str:
    """The workload in words: its name, and what it is."""
    known = WORKLOADS.get(workload)
    return f"{workload} ({known.description})" if known else workload


def conditions(case: Case) -> str:
    """Under which conditions, apart from backend and concurrency, in words."""
    return ", ".join(
        [
            *([] if case.size is None else [f"{case.size:,} row{'s' if case.size > 1 else ''}"]),
            "buffered" if case.fetch == Fetch() else str(case.fetch),
            "a session per operation" if case.session_scope == "operation" else "a session a task",
            "autocommit" if case.transactions == "autocommit" else "implicit transactions",
            *(["rows as dicts"] if case.rows == "dict" else []),
            "closed loop",
        ]
    )


def _kind(case: Case) -> Case:
    return replace(case, backend="", concurrency=1, loop="asyncio")


def look_of(name: str, described: BackendFacts) -> Look:
    """As the header describes the backend; told by its name where it does not."""
    return Look(
        name,
        described.colour or ("async" if "async" in name else "sync"),
        described.layer or "other",
        described.driver or name,
    )


def _place(look: Look) -> tuple[Any, ...]:
    driver = DRIVERS.index(look.driver) if look.driver in DRIVERS else len(DRIVERS)
    return (*_layer_place(look.layer), driver, look.driver, look.colour == "async", look.name)


def _layer_place(layer: str) -> tuple[int, str]:
    if layer == "null":
        return len(LAYERS) + 1, ""
    return (LAYERS.index(layer), "") if layer in LAYERS else (len(LAYERS), layer)
