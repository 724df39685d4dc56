"""The charts of the pool study."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.results.file import Results
from bench.studies.pool.charts import heat_map
from bench.studies.pool.surface import surfaces


def figures(
    results: Results, summaries: list[Summary], selection: Selection
) -> Iterator[tuple[str, Figure]]:
    """Yield each chart that the results have data for, with the name of its files."""
    yield from heat_map.figures(selection, surfaces(results, summaries))
