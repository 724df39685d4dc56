"""The lesson `session-per-task` in the terminal: a page for each mistake, and a table of all."""

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text

from bench.model.units import TIMES, with_unit
from bench.output.terminal.whole_table import WholeTable
from bench.studies.lessons.mistake import Mistake
from bench.studies.lessons.outcome import Outcome
from bench.studies.lessons.tally import TrialTally

STYLES: Mapping[Outcome, str] = {
    Outcome.CRASHED: "bold magenta",
    Outcome.HUNG: "bold magenta",
    Outcome.CAUGHT: "bold blue",
    Outcome.RAISED: "yellow",
    Outcome.SILENT: "bold red",
    Outcome.SERIAL: "cyan",
    Outcome.RIGHT: "green",
}


def page(mistake: Mistake, ways: Mapping[str, TrialTally], theme: str) -> RenderableType:
    """Return the page of a mistake: title, code, guess, outcome, reason, cure and right way."""
    return Group(
        Rule(f"{theme}: {mistake.name}", align="left", style="dim"),
        Text(mistake.title, style="bold"),
        _code(mistake, "wrong"),
        _line("guess", mistake.guess),
        *_outcome_lines("wrong", ways["wrong"], ways["right"]),
        *(_outcome_lines("with the guard", ways["guarded"]) if "guarded" in ways else ()),
        _line("reason", mistake.reason),
        _line("cure", mistake.cure),
        _code(mistake, "right"),
        *_outcome_lines("right way", ways["right"]),
        *(_outcome_lines("guarded", ways["guarded right"]) if "guarded right" in ways else ()),
        Text(),
    )


def table(found: Mapping[Mistake, Mapping[str, TrialTally]]) -> RenderableType:
    """Return a table with one row per mistake: outcomes without the guard, with it, right way."""
    guarded = any("guarded" in ways for ways in found.values())
    grid = WholeTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=False)
    grid.add_column("mistake", no_wrap=True)
    grid.add_column("outcome", overflow="fold")
    if guarded:
        grid.add_column("with the guard", overflow="fold")
    grid.add_column("right way", overflow="fold")
    for mistake, ways in found.items():
        cells = [_outcomes(ways["wrong"], luck=True)]
        if guarded:
            cells.append(
                _outcomes(ways["guarded"], luck=True)
                if "guarded" in ways
                else Text("not SQLAlchemy", style="dim")
            )
        grid.add_row(mistake.name, *cells, _outcomes(ways["right"]))
    silent = sum(ways["wrong"].main is Outcome.SILENT for ways in found.values())
    closing = (
        f"{silent} of {len(found)} mistakes are silently wrong in most trials: no task gets an "
        "exception, and an answer contradicts the tables."
    )
    return Group(grid, Text(), Text(closing, style="dim"))


def outcomes_in_words(tally: TrialTally, *, luck: bool = False) -> str:
    """Return the outcomes with their counts, such as `8 silently wrong, 2 raised`.

    With `luck`, `right` is called `right by luck`.
    """
    words = {Outcome.RIGHT.value: "right by luck"} if luck else {}
    if tally.caught_late:
        words[Outcome.CAUGHT.value] = "caught at the borrower's next use"
    return ", ".join(f"{count} {words.get(name, name)}" for name, count in tally.outcomes.items())


def evidence_sentences(tally: TrialTally, right: TrialTally | None = None) -> Iterator[str]:
    """Yield sentences on the answers, the exceptions and the connections that were left.

    With the tally of the `right` way, a last sentence compares the times of serial statements.
    """
    sentence, count = next(iter(tally.says.items()))
    yield sentence if count == tally.trials else f"{sentence} ({count} of {tally.trials})"
    if tally.untrue and tally.count(Outcome.RAISED):
        yield f"an answer contradicts the tables: {tally.untrue} of {tally.trials} trials"
    for failure in tally.failures[:3]:
        code = f" ({failure['code']})" if failure["code"] else ""
        yield f"{failure['count']} x {failure['kind']}{code}: {failure['message']}"
    if tally.left_in_transaction:
        yield f"left idle in transaction: {tally.left_in_transaction} connections"
    if tally.not_returned:
        yield f"not returned to the pool: {tally.not_returned} connections"
    if right and tally.count(Outcome.SERIAL):
        wrong_time = with_unit(tally.elapsed_ns, TIMES)
        right_time = with_unit(right.elapsed_ns, TIMES)
        ratio = tally.elapsed_ns / right.elapsed_ns
        yield f"{wrong_time}; the right way takes {right_time} and is {ratio:.1f} times as fast"


def _outcome_lines(
    name: str, tally: TrialTally, right: TrialTally | None = None
) -> Iterator[RenderableType]:
    yield _line(name, _outcomes(tally, luck=name == "wrong"))
    for sentence in evidence_sentences(tally, right):
        yield _line("", Text(sentence, style="dim"))


def _outcomes(tally: TrialTally, *, luck: bool = False) -> Text:
    return Text(outcomes_in_words(tally, luck=luck), style=STYLES[tally.main])


def _line(name: str, words: str | Text) -> RenderableType:
    # rich before 14.3 counts padding on the left as part of the width.
    grid = WholeTable.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=14, style="dim")
    grid.add_column()
    grid.add_row(name, words)
    return grid


def _code(mistake: Mistake, way: str) -> RenderableType:
    source = mistake.source(way)
    return Padding(Syntax(source, "python", theme="ansi_dark", background_color="default"), (0, 2))
