"""The section of the report about a user's statement: its text, its plan, where the time goes."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.units import TIMES, unit_of, with_unit
from bench.output.report.template import Section, render_part
from bench.results.file import Results
from bench.results.statement import StatementFacts
from bench.studies.query import best, explain, time_split
from bench.studies.query.notes import notes


@dataclass(frozen=True)
class Row:
    """A backend's time by parts: the text of each part, and its share of the longest bar."""

    backend: str
    total: str
    parts: list[tuple[str, float]]


def section(results: Results, summaries: Sequence[Summary], selection: Selection) -> Section | None:
    """Return the section; None if the run has no statement of the user's own."""
    statements = results.header.statements
    if not statements:
        return None
    facts = next(iter(statements.values()))
    made = time_split.splits(results, summaries)
    title = "Your workload" if facts.units or len(facts.reads) > 1 else "Your statement"
    html = render_part(
        "bench.studies.query",
        "section.html.j2",
        title=title,
        facts=facts,
        server=_server(facts),
        plan="\n".join(explain.lines(facts.plan)) if facts.plan else "",
        notes=notes(results.header),
        best=best.sentences(summaries),
        words=[*time_split.sentences(made), *filter(None, [time_split.source(made)])],
        parts=time_split.shown_parts(made),
        colours={part: place for place, part in enumerate(time_split.PARTS)},
        rows=_rows(made),
        place={name: place for place, name in enumerate(selection.looks)},
    )
    return Section("statement", title, html)


def _server(facts: StatementFacts) -> str:
    if facts.server is None:
        return ""
    times = facts.server
    words = f"{with_unit(times.planning_ns, TIMES)} of planning and"
    words += f" {with_unit(times.execution_ns, TIMES)} of execution"
    if times.serialization_ns is not None:
        words += f", of which {with_unit(times.serialization_ns, TIMES)} to write the rows"
    return (
        f"{words} (medians of {times.executions}); {times.shared_hit_blocks:,} blocks from the"
        f" cache, {times.shared_read_blocks:,} read"
    )


def _rows(made: Sequence[time_split.Split]) -> list[Row]:
    if not made:
        return []
    unit = unit_of((split.total_ns for split in made), TIMES)
    parts = time_split.shown_parts(made)
    longest = max(max(split.total_ns, sum(split.parts.values())) for split in made)
    return [
        Row(
            split.backend,
            f"{unit.text(split.total_ns)} {unit.symbol}",
            [(unit.text(split.parts[part]), 100 * split.parts[part] / longest) for part in parts],
        )
        for split in made
    ]
