"""The output of `bench query`: the tables of a run, where the time goes, and which is best."""

from rich.console import Group, RenderableType
from rich.text import Text

from bench.analysis.summary import Summary
from bench.model.units import TIMES, unit_of
from bench.output.terminal import table
from bench.output.terminal.whole_table import WholeTable
from bench.results.file import Results
from bench.studies.query import best, time_split
from bench.studies.query.notes import notes
from bench.studies.query.time_split import Split, shown_parts


def render(results: Results, summaries: list[Summary]) -> RenderableType:
    """Return the tables and the sentences."""
    parts: list[RenderableType] = [table.render(results, summaries)]
    made = time_split.splits(results, summaries)
    if made:
        parts += [Text(), Text(_title(made[0]), style="bold"), _split_table(made)]
        words = [*time_split.sentences(made), time_split.source(made)]
        parts += [Text(_plain(sentence)) for sentence in words]
    found = notes(results.header) + best.sentences(summaries)
    if found:
        parts += [Text(), *(Text(_plain(sentence)) for sentence in found)]
    return Group(*parts)


def _split_table(made: list[Split]) -> WholeTable:
    unit = unit_of((split.total_ns for split in made), TIMES)
    shown = WholeTable(box=None, pad_edge=False, padding=(0, 0, 0, 1))
    shown.add_column("\nbackend", no_wrap=True)
    parts = shown_parts(made)
    for name in (f"total\n{unit.symbol}", *(part.replace(": ", ":\n") for part in parts)):
        shown.add_column(name, justify="right", no_wrap=True)
    for split in made:
        times = split.parts
        cells = [unit.text(times[part]) for part in parts]
        if split.rest_ns is None:
            cells[1] = "-"
        shown.add_row(split.backend, unit.text(split.total_ns), *cells)
    return shown


def _title(split: Split) -> str:
    case = split.summary.case
    return f"Where the time goes: {case.workload}, at {case.concurrency}"


def _plain(sentence: str) -> str:
    return sentence.replace("`", "")
