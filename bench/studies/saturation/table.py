"""The output of `bench saturate`: a row for each backend, and the figures on the way."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from bench.analysis.summary import Summary
from bench.model.units import TIMES, unit_of
from bench.output.terminal.whole_table import WholeTable
from bench.results.file import Results
from bench.studies.saturation.answers import Answer, answers, worst_p99_ns
from bench.studies.saturation.words import rule, sentence


def render(results: Results, summaries: list[Summary]) -> RenderableType:
    """Return the table of answers, a sentence for each, and the table of all rates."""
    found = answers(results, summaries)
    if not found:
        return Text("No closed loop was measured: there is nothing to search from.")
    title = Text(found[0].closed.title.partition(", ")[2], style="bold")
    parts: list[RenderableType] = [title, _answers(found), Text()]
    parts += [Text(sentence(answer).replace("`", "")) for answer in found]
    parts += [Text(), Text("Every rate that was measured", style="bold"), _rates(found), Text()]
    parts.append(Text(rule(found) + _NOTE, style="dim"))
    return Group(*parts)


_NOTE = (
    " Latencies are responses, from the intended start, as medians over windows; worst is the"
    " highest p99 of a window. wait is the time until a client was free."
)


def _answers(found: Sequence[Answer]) -> WholeTable:
    table = WholeTable(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("backend", no_wrap=True)
    for name in ("highest rate/s", "sure", "missed at/s", "closed loop/s", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    for answer in found:
        closed, rate, sure = answer.closed_per_s, answer.rate, answer.confidence
        table.add_row(
            answer.backend,
            Text(f"{rate:,}" if rate else "none", style="bold" if sure else "red"),
            f"{sure:.0%}" if sure is not None else "not confirmed",
            f"{answer.missed:,}" if answer.missed else "-",
            f"{closed:,.0f}" if closed else "-",
            f"{rate / closed:.0%}" if rate and closed else "-",
        )
    return table


def _rates(found: Sequence[Answer]) -> WholeTable:
    table = WholeTable(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("\nbackend", no_wrap=True)
    every = [summary for answer in found for summary in answer.summaries]
    unit = unit_of(
        (i.median for s in every for name in ("p50", "p99") if (i := s.latency_ns.get(name))), TIMES
    )
    headings = ("\nrate/s", "\nwindows", "\nheld", "p50", "p99", "worst", "service p99", "wait p99")
    for name in headings:
        heading = name if name.startswith("\n") else f"{name}\n{unit.symbol}"
        table.add_column(heading, justify="right", no_wrap=True)
    for answer in found:
        for summary in answer.summaries:
            at_rate = summary.open
            quantiles = [summary.latency_ns.get(name) for name in ("p50", "p99")]
            worst = worst_p99_ns(summary)
            above = worst is None or worst > answer.objective_ns
            parts = [
                getattr(at_rate, f"{part}_ns").get("p99") if at_rate else None
                for part in ("service", "wait")
            ]
            table.add_row(
                answer.backend,
                f"{summary.case.rate:,}",
                str(len(summary.rounds)),
                f"{at_rate.held}" if at_rate else "-",
                *(unit.text(interval.median if interval else None) for interval in quantiles),
                Text(unit.text(worst), style="red" if above else ""),
                *(unit.text(interval.median if interval else None) for interval in parts),
                style="bold" if summary is answer.held else "",
            )
    return table
