"""The lesson `workshop-questions` in the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text

from bench.output.terminal.whole_table import WholeTable
from bench.studies.lessons.question import QUESTIONS, Question

Answers = Sequence[Mapping[str, Any]]


def page(question: Question, answers: Answers) -> RenderableType:
    """Return the page of a question: its code, its answer and the reason."""
    code = Syntax(question.source(), "python", theme="ansi_dark", background_color="default")
    return Group(
        Rule(question.name, align="left", style="dim"),
        Text(question.question, style="bold"),
        Padding(code, (0, 2)),
        *(Text(line, style="yellow") for line in answer_lines(answers)),
        Text(question.reason),
        Text(),
    )


def answer_lines(answers: Answers) -> list[str]:
    """Return lines with the answer, the number of statements and the warnings."""
    lines = []
    trials = sum(answer["count"] for answer in answers)
    for answer in answers:
        often = "" if len(answers) == 1 else f" ({answer['count']} of {trials})"
        number = answer["statements"]
        lines.append(f"-> {answer['saw']}{often}")
        lines.append(f"   {number} statement{'' if number == 1 else 's'}")
        lines += [f"   {warning}" for warning in answer["warnings"]]
    return lines


def table(found: Mapping[str, Answers]) -> RenderableType:
    """Return a table with one row per question."""
    grid = WholeTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("question", no_wrap=True)
    grid.add_column("statements", justify="right")
    grid.add_column("answer", overflow="fold")
    for question in QUESTIONS:
        first = found[question.name][0]
        warned = "; RuntimeWarning" if first["warnings"] else ""
        saw = first["saw"].partition(":")[0] if ": " in first["saw"] else first["saw"]
        grid.add_row(question.name, str(first["statements"]), saw + warned)
    return grid
