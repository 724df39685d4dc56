"""What `bench query` prints: the tables of a run, where the time goes, and which is best."""

from rich.console import Group, RenderableType

from bench.analysis.summary import Summary
from bench.output.terminal import table
from bench.results.file import Results


def render(results: Results, summaries: list[Summary]) -> RenderableType:
    """Return the tables and the sentences."""
    return Group(table.render(results, summaries))
