"""The charts of the streaming study."""

from collections.abc import Iterator
from itertools import chain

from matplotlib.figure import Figure

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.results.file import Results
from bench.studies.streaming.charts import fetch_modes, garbage_collector, point
from bench.studies.streaming.evidence import ways_of

FAMILIES = (point, fetch_modes, garbage_collector)


def figures(
    results: Results, summaries: list[Summary], selection: Selection
) -> Iterator[tuple[str, Figure]]:
    """Yield each chart that the results have data for, with the name of its files."""
    ways = ways_of(results, summaries)
    return chain.from_iterable(family.figures(selection, ways) for family in FAMILIES)
