"""What the figures say, in words: each sentence with its evidence, and none without it."""

from collections.abc import Sequence

from bench.analysis.findings import harness, layers, sessions, streaming, sync_async
from bench.analysis.findings import warnings as cautions
from bench.analysis.findings.finding import Finding
from bench.analysis.selection import select
from bench.analysis.summary import Summary, summarise
from bench.results.file import Results

__all__ = ["CAUTION", "FAMILIES", "Finding", "find"]

CAUTION = cautions.TOPIC
FAMILIES = (layers, sync_async, streaming, sessions, harness)
"""In the order of the page."""


def find(results: Results, summaries: Sequence[Summary] | None = None) -> list[Finding]:
    """Every finding that these results have evidence for: topic by topic, the strongest first.

    What spoils the figures (`CAUTION`) stands before them.

    Pure: the same results give the same findings. A case of which anything failed takes part in
    none but that which says so. `summaries` saves the work of making them again.
    """
    made = summarise(results) if summaries is None else list(summaries)
    selection = select(results, made)
    of_figures = [finding for family in FAMILIES for finding in family.findings(results, selection)]
    return [*cautions.findings(results, made), *of_figures]
