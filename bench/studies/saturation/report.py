"""The section of the report about a search, and the chart of every run with several rates."""

from collections.abc import Sequence

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.analysis.wording import asked, conditions
from bench.model.units import TIMES
from bench.output.report.lines_panel import LinesPanel, lines_panel
from bench.output.report.template import Section, render_part
from bench.results.file import Results
from bench.studies.saturation.answers import answers
from bench.studies.saturation.by_rate import ByRate, by_rate
from bench.studies.saturation.words import in_processes, rule, sentence


def section(results: Results, summaries: Sequence[Summary], selection: Selection) -> Section | None:
    """Return the section; None if the run has no arrival rates."""
    found = answers(results, summaries)
    kinds = by_rate(selection)
    if not (found or kinds):
        return None
    html = render_part(
        "bench.studies.saturation",
        "section.html.j2",
        found=found,
        words=[sentence(answer) for answer in found],
        rule=rule(found) if found else "",
        charts=[(_title(kind), _panels(kind, selection)) for kind in kinds],
        looks=selection.looks,
        place={name: place for place, name in enumerate(selection.looks)},
    )
    return Section("saturation", "Arrival rates", html)


def _title(measured: ByRate) -> str:
    kind = measured.kind
    clients = f"{kind.concurrency} client{'s' * (kind.concurrency > 1)}"
    words = conditions(kind, "rate", "processes")
    return f"{asked(kind.workload)}; {words}; up to {clients}{in_processes(kind)}"


def _panels(measured: ByRate, selection: Selection) -> list[LinesPanel]:
    drawn = [summary for name in measured.lines for summary in measured.line(name)]
    return [
        lines_panel(
            f"{quantile} of the response",
            TIMES,
            drawn,
            lambda summary, quantile=quantile: summary.latency_ns.get(quantile),  # type: ignore[misc]
            selection,
            drawn,
            x_value=lambda summary: summary.case.rate or 1,
        )
        for quantile in ("p50", "p99")
    ]
