"""`bench doctor`: check whether this machine is fit to measure."""

import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bench.cli.options import admin_url_option, database_url_option
from bench.model.dataset import Dataset
from bench.model.errors import BenchError

if TYPE_CHECKING:
    from rich.console import Console

    from bench.analysis.verdict import NoiseFloor
    from bench.server.database import Database
    from bench.studies.doctor.finding import Diagnosis

_STYLES = {"good": "green", "warning": "yellow", "bad": "bold red"}
_INDENT = " " * 9
_SUBJECT = 15
"""Width of the column with the subject, in characters."""
_WORDS = (("bad", "bad finding", "bad findings"), ("warning", "warning", "warnings"))


@click.command()
@database_url_option
@admin_url_option
@click.option(
    "--noise/--no-noise",
    default=True,
    help="Measure the noise floor. This takes ten seconds.",
)
@click.option(
    "--proxy",
    is_flag=True,
    help="Measure how much the proxy of --latency passes on, undelayed. This takes two seconds.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 for a warning as well.")
def doctor(
    database_url: str | None, admin_url: str | None, noise: bool, proxy: bool, strict: bool
) -> int:
    """Check whether this machine, its clock, its disk and its server are fit to measure.

    Each finding names its effect on the figures, and what to do about it. With a warning, figures
    are right but less precise. With a bad finding, figures would mislead, and the exit code is 1.

    \b
    Examples:
      bench doctor
      bench doctor --no-noise --strict
      bench doctor --no-noise --proxy
    """
    from bench.output.terminal.console import WIDTH, console

    screen = console()
    levels: Counter[str] = Counter()
    for finding in _findings(database_url, admin_url, noise, proxy):
        levels[finding.level] += 1
        _show(screen, finding)
    verdict = textwrap.fill(_verdict(levels), min(screen.width, WIDTH))
    screen.print(f"\n{verdict}", soft_wrap=True)
    return int(bool(levels["bad"] or (strict and levels["warning"])))


def _findings(
    database_url: str | None, admin_url: str | None, noise: bool, proxy: bool
) -> "Iterator[Diagnosis]":
    """Yield findings as they are made: the machine first, before a server of ours is busy."""
    from bench.server.pooler import detect
    from bench.server.resolution import resolve
    from bench.studies.doctor import clock, disk, machine, pooler, server
    from bench.studies.doctor import proxy as proxy_ceiling
    from bench.system.home import home

    yield from machine.findings()
    yield from clock.findings()
    if proxy:
        yield proxy_ceiling.finding(proxy_ceiling.measure())
    database = resolve(database_url, ["psycopg2"] if noise else [], admin_url=admin_url)
    if not database_url:
        yield disk.finding(home() / ".gatherbench")
    with database.session() as connection:
        yield from server.findings(connection)
    yield pooler.finding(detect(database))
    if noise:
        yield _noise_of(database)


def _noise_of(database: "Database") -> "Diagnosis":
    from bench.studies.doctor import noise

    try:
        return noise.noise(_measured(database).factor)
    except BenchError as error:
        what, _, cure = str(error).partition("\n")
        return noise.unknown(what, cure)


def _measured(database: "Database") -> "NoiseFloor":
    from bench.dataset import loading as rows
    from bench.dataset import lock
    from bench.output.terminal.console import console
    from bench.studies.doctor import noise

    dataset = Dataset()
    with (
        console(stderr=True).status("noise floor: ten seconds"),
        lock.held(database) as held,
    ):
        rows.ensure(held.connection, dataset)
        return noise.measure(database, dataset, lambda number: held.check())


def _show(console: "Console", finding: "Diagnosis") -> None:
    from rich.text import Text

    from bench.output.terminal.console import WIDTH

    width = min(console.width, WIDTH)
    word = "ok" if finding.level == "good" else finding.level
    line = Text(f"{word:{len(_INDENT)}}", style=_STYLES[finding.level])
    paragraph = _hanging(f"{finding.subject:{_SUBJECT}}", finding.observed, width - len(_INDENT))
    line.append(textwrap.indent(paragraph, _INDENT).lstrip(), style="not bold default")
    console.print(line, soft_wrap=True)
    if finding.consequence:
        console.print(_hanging(_INDENT, finding.consequence, width), soft_wrap=True)
        console.print(_hanging(f"{_INDENT}-> ", finding.cure, width), soft_wrap=True)


def _hanging(mark: str, words: str, width: int) -> str:
    """Wrap the words to the width, with the mark before the first line and spaces before others."""
    below = " " * len(mark)
    return textwrap.fill(words, width, initial_indent=mark, subsequent_indent=below)


def _verdict(levels: Counter[str]) -> str:
    amounts = [
        f"{levels[level]} {word if levels[level] == 1 else words}"
        for level, word, words in _WORDS
        if levels[level]
    ]
    if levels["bad"]:
        return f"Not fit to measure: {' and '.join(amounts)}. Figures from here would mislead."
    if levels["warning"]:
        return f"Fit to measure, with {amounts[0]}: read the figures with that in mind."
    return "Fit to measure."
