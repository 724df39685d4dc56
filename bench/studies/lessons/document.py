"""docs/one-session-per-task.md: `python -m bench.studies.lessons.document docs/...md results/lessons`.

Every figure in it is read from the lessons' files; a test holds the page equal to what this writes.
"""

import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from bench.model.units import TIMES, with_unit
from bench.studies.lessons import document_text as words
from bench.studies.lessons.catalogue import THEMES
from bench.studies.lessons.lesson import LESSONS
from bench.studies.lessons.mistake import Mistake
from bench.studies.lessons.outcome import Outcome
from bench.studies.lessons.page import outcomes_in_words, what_was_seen
from bench.studies.lessons.question import QUESTIONS
from bench.studies.lessons.question_page import seen
from bench.studies.lessons.record import Record, load
from bench.studies.lessons.session_per_task import tallies
from bench.studies.lessons.tally import Tally
from bench.system.output_files import write_text


def document(results: Path, root: Path) -> str:
    """The page as Markdown. `results` has a folder a lesson; paths are relative to `root`."""
    records = {name: load(results / name) for name in LESSONS}
    shown = Path(os.path.relpath(results, root)).as_posix()
    parts = [
        words.OPENING,
        _conditions(records["session-per-task"]),
        *_overview(records["session-per-task"], shown),
        *_mistakes(records["session-per-task"]),
        *_thinking(records["thinking-time"], shown),
        *_engines(records["one-engine"], shown),
        *_cost(records["cost-of-the-rule"], shown),
        *_questions(records["workshop-questions"]),
        words.CLOSING,
    ]
    return "\n\n".join(_wrapped(part.strip("\n")) for part in parts) + "\n"


def _wrapped(part: str) -> str:
    """Prose in lines of 100; lists, tables, code and what is wrapped already stay as they are."""
    plain = "\n" not in part and not part.startswith(("|", "!", "#", "<", "`"))
    if not plain:
        return part
    return textwrap.fill(part, 100, break_long_words=False, break_on_hyphens=False)


def _conditions(record: Record) -> str:
    environment = record.environment
    host, packages = environment.host, environment.packages
    return (
        f"Figures: `{record.command}`, {record.created_at[:10]}, {host.cpu}, {host.cores} "
        f"cores, Python {environment.python}, PostgreSQL {environment.server.version} by "
        f"{environment.server.transport}, SQLAlchemy {packages['sqlalchemy']}, asyncpg "
        f"{packages['asyncpg']}, psycopg {packages['psycopg']}."
    )


def _overview(record: Record, shown: str) -> Iterator[str]:
    found = tallies(record.found)
    silent = [m for m, ways in found.items() if ways["wrong"].main is Outcome.SILENT]
    caught = [
        mistake
        for mistake in silent
        if mistake.shares
        and "guarded" in found[mistake]
        and found[mistake]["guarded"].count(Outcome.CAUGHT) == found[mistake]["guarded"].trials
    ]
    guardable = [mistake for mistake in silent if mistake.shares and mistake.guardable]
    right = all(
        way.count(Outcome.RIGHT) == way.trials
        for ways in found.values()
        for name, way in ways.items()
        if "right" in name
    )
    yield "## What happens"
    yield _chart(shown, record, "Outcomes of every mistake, the right way beside it")
    yield (
        f"Of {len(found)} mistakes, {len(silent)} end in most trials **silently wrong**: no "
        "exception in any task, and what somebody was told is not what the tables say. "
        + ("The right way was right in every trial. " if right else "")
        + f"The guard catches {len(caught)} of the {len(guardable)} silent ones that share a "
        "session, a connection or an object of SQLAlchemy's, in every trial. What it does not see "
        "is in the table."
    )
    yield "| mistake | without the guard | with the guard |\n| --- | --- | --- |\n" + "\n".join(
        f"| [`{mistake.name}`](#{mistake.name}) | {outcomes_in_words(ways['wrong'], luck=True)} | "
        + _with_guard(mistake, ways)
        + " |"
        for mistake, ways in found.items()
    )


def _with_guard(mistake: Mistake, ways: dict[str, Tally]) -> str:
    if "guarded" not in ways:
        return "not of SQLAlchemy's"
    cell = outcomes_in_words(ways["guarded"], luck=True)
    return cell if mistake.shares else f"{cell} (nothing is shared)"


def _mistakes(record: Record) -> Iterator[str]:
    found = tallies(record.found)
    for theme, mistakes in THEMES.items():
        yield f"## {theme}"
        if theme in words.THEMES:
            yield words.THEMES[theme]
        for mistake in mistakes:
            if mistake in found:
                yield from _mistake(mistake, found[mistake])


def _mistake(mistake: Mistake, ways: dict[str, Tally]) -> Iterator[str]:
    wrong, right = ways["wrong"], ways["right"]
    yield f"### {mistake.name}"
    yield f"{_sentence(mistake.title)}"
    yield _code(mistake.source("wrong"))
    yield f"**Guess**: {mistake.guess}."
    yield f"**Outcome**: {outcomes_in_words(wrong, luck=True)}.\n" + _bullets(wrong, right)
    yield f"**Reason**: {mistake.reason}"
    yield f"**Cure**: {mistake.cure}"
    yield (
        f"<details><summary>The right way: {outcomes_in_words(right)}</summary>\n\n"
        f"{_code(mistake.source('right'))}\n\n{_bullets(right)}\n\n</details>"
    )


def _thinking(record: Record, shown: str) -> Iterator[str]:
    from bench.studies.lessons.thinking_time import share

    crowds, thoughts = record.found["crowds"], record.found["thought_ms"]
    yield "## From loud to silent"
    yield words.THINKING
    yield _chart(shown, record, "Outcomes over the time that handlers think")
    heading = f"| crowd | {' | '.join(f'{thought} ms' for thought in thoughts)} |\n| --- |"
    rows = [
        f"| {name} | "
        + " | ".join(
            f"{share(point, Outcome.RAISED):.0%} / {share(point, Outcome.SILENT):.0%} / "
            + (f"{point['lost'] / point['confirmed']:.0%}" if point["confirmed"] else "-")
            for point in points
        )
        + " |"
        for name, points in crowds.items()
    ]
    yield "\n".join([heading + " ---: |" * len(thoughts), *rows])
    yield (
        f"Raised / silently wrong / confirmed orders lost, of {record.trials} runs each "
        "(`bench lesson thinking-time`)."
    )


def _engines(record: Record, shown: str) -> Iterator[str]:
    from bench.studies.lessons.one_engine import refusal

    yield "## An engine for every call"
    yield words.ENGINES
    yield _chart(shown, record, "Time a call, and connections open")
    opened = record.found["open"]
    last = record.found["shown_calls"] - 1
    yield _medians(
        f"open, SELECT 1, close | a call | interval | open after {last + 1} calls",
        record.found["calls"],
        {name: str(counted[last]) for name, counted in opened.items()},
    )
    yield f"{refusal(record.found)} (`bench lesson one-engine`)"


def _cost(record: Record, shown: str) -> Iterator[str]:
    yield "## What the rule costs"
    yield words.COST
    yield _chart(shown, record, "Microseconds a call, and milliseconds for a crowd")
    yield _medians("one after the other | a call | interval", record.found["calls"])
    yield _medians("20 tasks of 10 ms each | all | interval", record.found["crowds"])
    yield "Medians over rounds (`bench lesson cost-of-the-rule`); the guard is off."


def _medians(
    heading: str, figures: dict[str, list[float]], more: dict[str, str] | None = None
) -> str:
    from bench.analysis import stats

    columns = heading.count("|")
    lines = [f"| {heading} |", "| --- |" + " ---: |" * columns]
    for name, values in figures.items():
        each = stats.median_over_rounds(values)
        assert each is not None
        assert each.low is not None
        assert each.high is not None
        cells = [
            name,
            with_unit(each.median, TIMES),
            f"{with_unit(each.low, TIMES)} to {with_unit(each.high, TIMES)}",
            *([more[name]] if more else []),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _questions(record: Record) -> Iterator[str]:
    yield "## The workshop's questions"
    yield words.QUESTIONS
    for question in QUESTIONS:
        yield f"### {question.question}"
        yield _code(question.source())
        yield "```text\n" + "\n".join(seen(record.found[question.name])) + "\n```"
        yield question.reason


def _bullets(tally: Tally, right: Tally | None = None) -> str:
    return "\n".join(f"- {sentence}" for sentence in what_was_seen(tally, right))


def _chart(shown: str, record: Record, what: str) -> str:
    return f"![{what}]({shown}/{record.lesson}/{record.lesson}.png)"


def _code(source: str) -> str:
    return f"```py\n{source}\n```"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def main() -> None:
    page, results = Path(sys.argv[1]), Path(sys.argv[2])
    write_text(page, document(results, page.parent))


if __name__ == "__main__":
    main()
