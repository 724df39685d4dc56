"""The findings of the network study: round trips, then what a latency makes of them."""

from collections.abc import Iterator

from bench.analysis.findings.finding import Finding
from bench.analysis.selection import Selection
from bench.results.file import Results
from bench.studies.network import latency, round_trips, transport


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    """Yield every finding that these results have evidence for."""
    yield from round_trips.findings(results, selection)
    yield from latency.findings(results, selection)
    yield from transport.findings(selection)
