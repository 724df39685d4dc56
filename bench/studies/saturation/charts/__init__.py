"""The charts of arrival rates, for a search and for every other run."""

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.results.file import Results
from bench.studies.saturation.charts.latency import figures

__all__ = ["figures", "none"]


def none(_: Results, __: Sequence[Summary], ___: Selection) -> Iterator[tuple[str, Figure]]:
    """Yield no chart: those of a search are made for every run with rates."""
    return iter(())
