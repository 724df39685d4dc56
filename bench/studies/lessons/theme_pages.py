"""The pages below docs/one-session-per-task.md: one for each theme, and one for the questions."""

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.studies.lessons import document_text as words
from bench.studies.lessons.catalogue import THEMES
from bench.studies.lessons.mistake import Mistake
from bench.studies.lessons.page import evidence_sentences, outcomes_in_words
from bench.studies.lessons.question import QUESTIONS
from bench.studies.lessons.question_page import answer_lines
from bench.studies.lessons.record import Record
from bench.studies.lessons.tally import TrialTally

_BACK = "[One session per task](../one-session-per-task.md)"
_SOURCES = "../../bench/studies/lessons/mistakes"


def theme_page(theme: str, found: Mapping[Mistake, Mapping[str, TrialTally]]) -> str:
    """Return the page of a theme as Markdown: each of its mistakes with its right way."""
    shown = [mistake for mistake in THEMES[theme] if mistake in found]
    parts = [f"# {theme}", f"Part of {_BACK}; it explains the terms and the outcomes."]
    if theme in words.THEMES:
        parts.append(words.THEMES[theme])
    parts.append("\n".join(f"- [{mistake.title}](#{mistake.name})" for mistake in shown))
    printed: dict[str, Mistake] = {}
    for mistake in shown:
        parts += _mistake(mistake, found[mistake], printed)
    return markdown(parts)


def questions_page(record: Record) -> str:
    """Return the page of the workshop's questions as Markdown."""
    parts = ["# The workshop's questions", f"Part of {_BACK}.", words.QUESTIONS_PAGE]
    for question in QUESTIONS:
        parts += [
            f"## {question.question}",
            _code(question.source()),
            "```text\n" + "\n".join(answer_lines(record.found[question.name])) + "\n```",
            question.reason,
        ]
    return markdown(parts)


def markdown(parts: Sequence[str]) -> str:
    """Return the parts as one document, its prose in lines of at most 100 characters."""
    return "\n\n".join(_wrapped(part.strip("\n")) for part in parts) + "\n"


def slug(theme: str) -> str:
    """Return the name of a theme's file, without its ending."""
    return theme.lower().replace(" ", "-")


def anchor(heading: str) -> str:
    """Return the anchor that GitHub and mkdocs give a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _mistake(
    mistake: Mistake, tallies: Mapping[str, TrialTally], printed: dict[str, Mistake]
) -> Iterator[str]:
    wrong, right = tallies["wrong"], tallies["right"]
    yield f"## {mistake.name}"
    yield f"{mistake.title[0].upper()}{mistake.title[1:]}."
    yield _once(mistake, "wrong", printed)
    yield f"**Guess**: {mistake.guess}."
    yield f"**Outcome**: {outcomes_in_words(wrong, luck=True)}."
    yield _bullets(wrong, right)
    yield f"**Reason**: {mistake.reason}"
    yield f"**Cure**: {mistake.cure}"
    yield f"**The right way**: {outcomes_in_words(right)}."
    yield _bullets(right)
    yield _once(mistake, "right", printed)
    yield f"Source: [`{type(mistake).__name__}`]({_SOURCES}/{_file(mistake)})."


def _once(mistake: Mistake, way: str, printed: dict[str, Mistake]) -> str:
    """Return the code at its first place on the page, and a reference at every other place."""
    source = mistake.source(way)
    first = printed.setdefault(source, mistake)
    if first is mistake:
        return _code(source)
    return f"The code is the same as in [`{first.name}`](#{first.name})."


def _file(mistake: Mistake) -> str:
    return Path(inspect.getsourcefile(type(mistake)) or "").name


def _bullets(tally: TrialTally, right: TrialTally | None = None) -> str:
    return "\n".join(f"- {sentence}" for sentence in evidence_sentences(tally, right))


def _code(source: str) -> str:
    return f"```py\n{source}\n```"


def _wrapped(part: str) -> str:
    plain = "\n" not in part and not part.startswith(("|", "!", "#", "<", "`", "- "))
    if not plain:
        return part
    return textwrap.fill(part, 100, break_long_words=False, break_on_hyphens=False)
