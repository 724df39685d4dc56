"""The charts of a user's statement: those of every run, and where the time goes."""

from collections.abc import Iterator
from itertools import chain

from matplotlib.figure import Figure

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.output.charts import FAMILIES
from bench.results.file import Results
from bench.studies.query.charts import time_split


def figures(
    results: Results, summaries: list[Summary], selection: Selection
) -> Iterator[tuple[str, Figure]]:
    """Yield each chart that the results have data for, with the name of its files."""
    yield from time_split.figures(results, summaries, selection)
    yield from chain.from_iterable(family.figures(selection) for family in FAMILIES)
