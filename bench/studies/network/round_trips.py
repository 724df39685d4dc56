"""Sentences about round trips: how many an operation takes, and their share with a network between.

A backend that waits for more answers loses more with every millisecond to the server, whatever its
own speed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bench.analysis.findings.finding import Finding, listed, work
from bench.analysis.selection import Selection
from bench.analysis.stats import Interval
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.model.units import TIMES, with_unit
from bench.results.file import Results
from bench.studies.network.columns import per_operation

TOPIC = "Round trips"

NETWORK_NS = 1_000_000
"""Latency that the sentences assume: 1 ms, as between two availability zones of a cloud."""


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    """Yield a sentence for each kind of operation whose backends differ, or whose transactions add
    round trips."""
    counted = per_operation(results)
    latencies = {s.case: s.latency_ns.get("p50") for s in selection.summaries if not s.marked}
    for kind, cases in _kinds(counted).items():
        if _tells_something(kind, cases, counted):
            yield _finding(kind, cases, counted, latencies)


def _kinds(counted: Mapping[Case, float]) -> dict[Case, list[Case]]:
    """Return the cases by what they do, whatever the backend."""
    kinds: dict[Case, list[Case]] = {}
    for case in counted:
        kinds.setdefault(replace(case, backend="", loop="asyncio", connect=""), []).append(case)
    return kinds


def _tells_something(kind: Case, cases: Sequence[Case], counted: Mapping[Case, float]) -> bool:
    differ = len({counted[case] for case in cases}) > 1
    return kind.fetch == Fetch() and (differ or any(counted[case] > 1 for case in cases))


def _finding(
    kind: Case,
    cases: Sequence[Case],
    counted: Mapping[Case, float],
    latencies: Mapping[Case, Interval | None],
) -> Finding:
    by_count: dict[float, list[str]] = {}
    for case in sorted(cases, key=lambda case: (counted[case], case.backend)):
        by_count.setdefault(counted[case], []).append(_name(case))
    parts = [
        f"{_trips(count)} with {listed(names) if len(by_count) > 1 else 'every backend'}"
        for count, names in by_count.items()
    ]
    sentence = f"{work(kind).capitalize()}{_circumstances(kind)} takes {listed(parts)}"
    sentence += _added(kind, cases, counted)
    evidence = "counted by a proxy between 1 client and the server"
    if share := _share(cases, counted, latencies):
        sentence += f". {share}"
        evidence += "; shares from the median latency of one client"
    return Finding(TOPIC, f"{sentence}.", evidence, tuple(cases))


def _name(case: Case) -> str:
    return f"`{case.backend}`" + f" with `{case.connect}`" * bool(case.connect)


def _trips(count: float) -> str:
    return f"{count:g} round trip{'' if count == 1 else 's'}"


def _circumstances(kind: Case) -> str:
    words = " with a session per operation" * (kind.session_scope == "operation")
    return words + " in implicit transactions" * (kind.transactions == "implicit")


def _added(kind: Case, cases: Sequence[Case], counted: Mapping[Case, float]) -> str:
    """Return how many of the round trips are BEGIN and ROLLBACK, from the same in autocommit."""
    if kind.transactions != "implicit":
        return ""
    added = {
        counted[case] - counted[plain]
        for case in cases
        if (plain := replace(case, transactions="autocommit")) in counted
    }
    if len(added) != 1 or (more := added.pop()) <= 0:
        return ""
    return f", {more:g} of them for BEGIN and ROLLBACK"


def _share(
    cases: Sequence[Case], counted: Mapping[Case, float], latencies: Mapping[Case, Interval | None]
) -> str:
    """Return the share of the network with 1 ms between, for the fastest and the slowest."""
    known = [(latency.median, case) for case in cases if (latency := latencies.get(case))]
    if not known:
        return ""
    shares = [
        (counted[case] * NETWORK_NS / (counted[case] * NETWORK_NS + own_ns), case)
        for own_ns, case in known
    ]
    low, high = min(shares, key=lambda pair: pair[0]), max(shares, key=lambda pair: pair[0])
    between = f"At {with_unit(NETWORK_NS, TIMES)} to the server, the network is"
    if f"{low[0]:.0%}" == f"{high[0]:.0%}":
        return f"{between} {high[0]:.0%} of the time".replace("%", " %")
    return (
        f"{between} {low[0] * 100:.0f} % ({_name(low[1])}) to {high[0] * 100:.0f} % "
        f"({_name(high[1])}) of the time"
    )
