"""Sentences about a network between: from which latency on the choice of a backend matters less."""

from collections.abc import Iterator

from bench.analysis.findings.finding import Finding, conditions, rounds, times, work
from bench.analysis.findings.judge import Judgement
from bench.analysis.selection import Selection
from bench.results.entries import LinkCounts
from bench.results.file import Results
from bench.studies.network.by_latency import CLOSE, AtLink, ByLatency, by_latency

TOPIC = "A network between"


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    """Yield a sentence for each kind of work over several links, and one for each link's error."""
    for measured in by_latency(selection):
        drivers = [
            name for name, look in selection.looks.items() if look.layer == "driver" and look.mode
        ]
        yield from _spread(measured, selection, "backends")
        if only := measured.among(drivers):
            yield from _spread(only, selection, "drivers")
    for counts in results.probed_as(LinkCounts):
        yield _exactness(counts)


def _spread(measured: ByLatency, selection: Selection, what: str) -> Iterator[Finding]:
    first, last = measured.links[0], measured.links[-1]
    near, far = first.spread(selection), last.spread(selection)
    if near is None or far is None:
        return
    amount = measured.kind.concurrency
    sentence = (
        f"{work(measured.kind).capitalize()} with {amount} client{'s' * (amount > 1)}"
        f"{conditions(measured.kind)}, {len(first.summaries)} {what}: {_compared(first, near)};"
        f" {_compared(last, far)}"
    )
    sentence += f"; {_from_where(measured, selection, far)}"
    pairs = [f"`{at.best.case.backend}` over `{at.worst.case.backend}`" for at in (first, last)]
    evidence = f"throughput of {', and of '.join(dict.fromkeys(pairs))}, in " + rounds(
        near.ratio.rounds
    )
    cases = (first.best.case, first.worst.case, last.best.case, last.worst.case)
    yield Finding(TOPIC, f"{sentence}.", evidence, tuple(dict.fromkeys(cases)))


def _from_where(measured: ByLatency, selection: Selection, far: Judgement) -> str:
    """Return from which latency on the choice matters little, by the medians of the ratios."""
    within = f"within {(CLOSE - 1) * 100:.0f} % of each other"
    close = measured.close_from(selection)
    if close is not None and close.is_direct:
        return f"they are {within} in the median with and without a network"
    if close is not None:
        return f"from {close} on they are {within} in the median: there the choice matters little"
    if far.apart:
        return f"at none of these latencies are they {within}"
    return f"the rounds are too few or too unlike to say that they are {within}"


def _compared(at: AtLink, spread: Judgement) -> str:
    where = "without a network" if at.link.is_direct else f"at {at.link}"
    if not spread.apart:
        return f"{where} no difference between the fastest and the slowest can be told"
    return f"{where} the fastest does {times(spread.ratio)} as much as the slowest"


def _exactness(counts: LinkCounts) -> Finding:
    asked = counts.case.link
    if counts.late_p50_us is None:
        return Finding(TOPIC, f"No message was sent over {asked}.", "the proxy's counts")
    sentence = (
        f"Over {asked}, a message was passed on {counts.late_p50_us:,} µs later than asked in the "
        f"median, {counts.late_p99_us:,} µs in the 99th percentile"
    )
    evidence = f"the proxy's clock; {counts.round_trips:,} round trips"
    return Finding(TOPIC, f"{sentence}.", evidence)
