"""docs/one-session-per-task.md and the pages below it, from the lessons' results.

A page for each theme goes into a folder of the page's own name. Every figure is read from the
lessons' files. A test compares the pages with what this module writes.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from bench.studies.lessons import document_text as words
from bench.studies.lessons import theme_pages
from bench.studies.lessons.catalogue import THEMES
from bench.studies.lessons.lesson import LESSONS
from bench.studies.lessons.mistake import Mistake
from bench.studies.lessons.outcome import Outcome
from bench.studies.lessons.page import outcomes_in_words
from bench.studies.lessons.question import QUESTIONS
from bench.studies.lessons.record import Record, load
from bench.studies.lessons.session_per_task import tallies
from bench.studies.lessons.tally import TrialTally
from bench.studies.lessons.theme_pages import anchor, markdown


def documents(results: Path, page: Path) -> dict[Path, str]:
    """Return every page as Markdown, by its path.

    `results` has a folder for each lesson. `page` is the path of the first page.
    """
    records = {name: load(results / name) for name in LESSONS}
    by_mistake = tallies(records["session-per-task"].found)
    shown = Path(os.path.relpath(results, page.parent)).as_posix()
    first = [
        words.OPENING,
        _conditions(records["session-per-task"]),
        *_overview(records["session-per-task"], shown, page.stem),
        *_thinking(records["thinking-time"], shown),
        *_engines(records["one-engine"], shown),
        *_cost(records["cost-of-the-rule"], shown),
        *_questions(page.stem),
        words.CLOSING,
    ]
    folder = page.with_suffix("")
    themes = {
        folder / f"{theme_pages.slug(theme)}.md": theme_pages.theme_page(theme, by_mistake)
        for theme in THEMES
    }
    questions = theme_pages.questions_page(records["workshop-questions"])
    return {page: markdown(first), **themes, folder / "questions.md": questions}


def _conditions(record: Record) -> str:
    environment = record.environment
    host, packages = environment.host, environment.packages
    return (
        f"Figures: `{record.command}`, {record.created_at[:10]}, {host.cpu}, {host.cores} "
        f"cores, Python {environment.python}, PostgreSQL {environment.server.version} by "
        f"{environment.server.transport}, SQLAlchemy {packages['sqlalchemy']}, asyncpg "
        f"{packages['asyncpg']}, psycopg {packages['psycopg']}."
    )


def _overview(record: Record, shown: str, folder: str) -> Iterator[str]:
    by_mistake = tallies(record.found)
    silent = [
        mistake for mistake, ways in by_mistake.items() if ways["wrong"].main is Outcome.SILENT
    ]
    caught = [
        mistake
        for mistake in silent
        if mistake.shares
        and "guarded" in by_mistake[mistake]
        and by_mistake[mistake]["guarded"].count(Outcome.CAUGHT)
        == by_mistake[mistake]["guarded"].trials
    ]
    guardable = [mistake for mistake in silent if mistake.shares and mistake.guardable]
    right = all(
        tally.count(Outcome.RIGHT) == tally.trials
        for ways in by_mistake.values()
        for name, tally in ways.items()
        if "right" in name
    )
    yield "## What happens"
    yield _chart(shown, record, "Outcomes of every mistake and of its right way")
    yield (
        f"{len(silent)} of {len(by_mistake)} mistakes end **silently wrong** in most trials: no "
        "task gets an exception, and an answer contradicts the tables. "
        + ("The right way was right in every trial. " if right else "")
        + f"The guard catches, in every trial, {len(caught)} of the {len(guardable)} silent "
        "mistakes that share a session, a connection or an object of SQLAlchemy. The table shows "
        "what it does not see."
    )
    pages = {
        mistake: theme_pages.slug(theme) for theme, members in THEMES.items() for mistake in members
    }
    yield "| mistake | without the guard | with the guard |\n| --- | --- | --- |\n" + "\n".join(
        f"| [`{mistake.name}`]({folder}/{pages[mistake]}.md#{mistake.name}) | "
        f"{outcomes_in_words(ways['wrong'], luck=True)} | {_with_guard(mistake, ways)} |"
        for mistake, ways in by_mistake.items()
    )


def _with_guard(mistake: Mistake, ways: dict[str, TrialTally]) -> str:
    if "guarded" not in ways:
        return "not SQLAlchemy"
    cell = outcomes_in_words(ways["guarded"], luck=True)
    return cell if mistake.shares else f"{cell} (nothing is shared)"


def _thinking(record: Record, shown: str) -> Iterator[str]:
    from bench.studies.lessons.thinking_time import share

    groups, thoughts = record.found["crowds"], record.found["thought_ms"]
    yield "## From exceptions to silent losses"
    yield words.THINKING
    yield _chart(shown, record, "Outcomes by the time between the awaits of a handler")
    heading = f"| handlers | {' | '.join(f'{thought} ms' for thought in thoughts)} |\n| --- |"
    rows = [
        f"| {name} | "
        + " | ".join(
            f"{share(point, Outcome.RAISED):.0%} / {share(point, Outcome.SILENT):.0%} / "
            + (f"{point['lost'] / point['confirmed']:.0%}" if point["confirmed"] else "-")
            for point in points
        )
        + " |"
        for name, points in groups.items()
    ]
    yield "\n".join([heading + " ---: |" * len(thoughts), *rows])
    yield (
        "Shares of trials that raised / of trials that were silently wrong / of confirmed orders "
        f"that were lost. Each cell is from {record.trials} trials (`bench lesson thinking-time`)."
    )


def _engines(record: Record, shown: str) -> Iterator[str]:
    from bench.studies.lessons.one_engine import refusal

    yield "## An engine for every call"
    yield words.ENGINES
    yield _chart(shown, record, "Time per call, and open connections")
    opened = record.found["open"]
    last = record.found["shown_calls"] - 1
    yield _medians(
        f"open, SELECT 1, close | per call | interval | open after {last + 1} calls",
        record.found["calls"],
        {name: str(counted[last]) for name, counted in opened.items()},
    )
    yield f"{refusal(record.found)} (`bench lesson one-engine`)"


def _cost(record: Record, shown: str) -> Iterator[str]:
    yield "## What the rule costs"
    yield words.COST
    yield _chart(shown, record, "Microseconds per call, and milliseconds for 20 tasks")
    yield _medians("one after the other | per call | interval", record.found["calls"])
    yield _medians("20 tasks of 10 ms each | all | interval", record.found["crowds"])
    yield "Medians over rounds (`bench lesson cost-of-the-rule`); the guard is off."


def _medians(
    heading: str, figures: dict[str, list[float]], more: dict[str, str] | None = None
) -> str:
    from bench.studies.lessons import medians

    columns = heading.count("|")
    lines = [f"| {heading} |", "| --- |" + " ---: |" * columns]
    for name, values in figures.items():
        cells = [name, *medians.cells(values), *([more[name]] if more else [])]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _questions(folder: str) -> Iterator[str]:
    yield "## The workshop's questions"
    yield words.QUESTIONS
    yield "\n".join(
        f"- [{question.question}]({folder}/questions.md#{anchor(question.question)})"
        for question in QUESTIONS
    )


def _chart(shown: str, record: Record, caption: str) -> str:
    return f"![{caption}]({shown}/{record.lesson}/{record.lesson}.png)"
