"""The effect of an option of connecting: two ways of one backend that differ in one option."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bench.analysis.figure import FIGURES
from bench.analysis.findings.finding import Finding, clients, inverse, rounds, times, work
from bench.analysis.findings.judge import Judgement, judge
from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.model.connect import SEPARATOR, pairs
from bench.model.units import TIMES, unit_of
from bench.results.file import Results

TOPIC = "Options of connecting"

UNPREPARED: Mapping[str, str] = {
    "asyncpg.statement_cache_size": "0",
    "psycopg.prepare_threshold": "none",
    "engine.prepared_statement_cache_size": "0",
}
"""Option -> the value with which the library prepares a statement anew, or never, in each call."""


@dataclass(frozen=True)
class _Pair:
    option: str
    value: str
    """The value of the way that is compared."""
    other: str
    """The value of the first way, or `default`."""
    judged: Judgement
    """The throughput of the first way over that of the compared one."""
    summary: Summary
    base: Summary


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    known = {summary.case: summary for summary in selection.variants}
    first: dict[Case, Summary] = {}
    found = []
    for summary in known.values():
        base = first.setdefault(replace(summary.case, connect=""), summary)
        if base is not summary and (pair := _pair(base, summary, selection)):
            found.append(pair)
    for pair in sorted(found, key=lambda pair: -_effect(pair)):
        yield Finding(TOPIC, _sentence(pair), _evidence(pair), (pair.summary.case, pair.base.case))


def _pair(base: Summary, summary: Summary, selection: Selection) -> _Pair | None:
    """Return the pair if the two differ in one option, and their throughput differs."""
    mine, others = dict(pairs(summary.case.connect)), dict(pairs(base.case.connect))
    differing = sorted(o for o in mine.keys() | others.keys() if mine.get(o) != others.get(o))
    judged = judge(base, summary, selection.floor)
    if len(differing) != 1 or judged is None or not judged.apart:
        return None
    (option,) = differing
    value, other = (way.get(option, "default") for way in (mine, others))
    return _Pair(option, value, other, judged, summary, base)


def _effect(pair: _Pair) -> float:
    return max(pair.judged.ratio.median, 1 / pair.judged.ratio.median)


def _sentence(pair: _Pair) -> str:
    case, ratio = pair.summary.case, pair.judged.ratio
    faster = ratio.median <= 1
    slow, fast = (pair.other, pair.value) if faster else (pair.value, pair.other)
    where = f"in {work(case)} through `{case.backend}` {clients(case)}"
    if case.session_scope == "operation":
        where += ", a session per operation"
    gain = times(inverse(ratio) if faster else ratio)
    if slow == UNPREPARED.get(pair.option):
        return f"Prepared statements are worth {gain} {where} (`{pair.option}={slow}`)."
    sentence = f"`{pair.option}={slow}` makes an operation take {gain} as long as `{fast}` {where}"
    return f"{sentence}{_cost(pair)}."


def _cost(pair: _Pair) -> str:
    """Return how much longer the median operation takes, in words."""
    took = [summary.latency_ns.get("p50") for summary in (pair.summary, pair.base)]
    if None in took or not took[0] or not took[1]:
        return ""
    more_ns = abs(took[0].median - took[1].median)
    unit = unit_of([more_ns], TIMES)
    return f": it costs {unit.text(more_ns)} {unit.symbol} a call"


def _evidence(pair: _Pair) -> str:
    kept = [
        setting
        for setting in pair.summary.case.connect.split(SEPARATOR)
        if setting and not setting.startswith(f"{pair.option}=")
    ]
    beside = f"; both with {', '.join(kept)}" if kept else ""
    figure = FIGURES["throughput"].title
    return f"{figure} in {rounds(pair.judged.ratio.rounds)}{beside}"
