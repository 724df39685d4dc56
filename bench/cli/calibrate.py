"""`bench calibrate`: count how often verdicts are wrong on this machine."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from bench.cli.options import (
    EVERY_BACKEND,
    MOST_CONCURRENT,
    MOST_REPEATED,
    Seconds,
    admin_url_option,
    backend_options,
    choose_backends,
    database_url_option,
    timeout_option,
    workload_files_option,
)
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from bench.analysis.figure import Figure
    from bench.studies.calibration.calibrate import CalibrationConfig, Generation

_FEWEST = 6
_COLUMNS = (6, 10, 15, 20, 30, 50, 100)


@click.command()
@workload_files_option("Calibrate with a workload")
@click.option("--workload", metavar="NAME", help="The workload of the file, if it has several.")
@partial(
    backend_options,
    backend="The backend of the workload file, one alone.  [default: psycopg2]",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, MOST_CONCURRENT),
    default=1,
    show_default=True,
    help="Number of threads, or of tasks.",
)
@click.option(
    "--generations",
    type=click.IntRange(1, MOST_REPEATED),
    default=3,
    show_default=True,
    help="Number of times that all processes are started again.",
)
@click.option(
    "--rounds",
    type=click.IntRange(_FEWEST, MOST_REPEATED),
    default=30,
    show_default=True,
    help="Rounds of each case in a generation.",
)
@click.option(
    "--seconds",
    type=Seconds(0.01, 3600),
    default=0.05,
    show_default=True,
    help="Length of each run. The default is the quick profile's.",
)
@click.option(
    "--figure",
    "figure_name",
    default="throughput",
    show_default=True,
    metavar="NAME",
    help="The figure to compare cases by: throughput, p50, p95, p99 or cpu.",
)
@database_url_option
@admin_url_option
@timeout_option
def calibrate(
    workload_files: tuple[str, ...],
    workload: str | None,
    backends: tuple[str, ...],
    backend_modules: tuple[str, ...],
    concurrency: int,
    generations: int,
    rounds: int,
    seconds: float,
    figure_name: str,
    database_url: str | None,
    admin_url: str | None,
    timeout: float,
) -> int:
    """Count false verdicts on equal cases, and found differences on slowed cases.

    The command measures four equal cases (psycopg2, the point read), and three cases with a real
    busy wait of 5, 10 and 20 %, as in any run. It then resamples thousands of verdicts from those
    rounds. The exit code is 1 if more than 5 % of the verdicts on equal cases say faster or slower.
    With a workload file, the cases are its operations, on psycopg2 or on the --backend. After
    Ctrl-C, the table is of the rounds until then.

    \b
    Examples:
      bench calibrate
      bench calibrate --concurrency 16 --seconds 0.2 --rounds 100
      bench calibrate --workload-file shop.py --workload orders --backend orm+asyncpg
    """
    from bench.analysis.figure import FIGURES
    from bench.cli.measurement import CommandOptions
    from bench.cli.workload_file import WORKLOAD_FILE_SCALE, Place
    from bench.studies.calibration import calibrate as calibration

    if figure_name not in FIGURES or figure_name in ("rows", "first-row", "server-cpu"):
        raise UsageError(
            f"no figure named {figure_name!r} here: use throughput, p50, p95, p99 or cpu."
        )
    figure = FIGURES[figure_name]
    setting = calibration.CalibrationConfig(
        "", Dataset(), concurrency, generations, rounds, seconds, timeout_s=timeout
    )
    if len(backends) > 1 or EVERY_BACKEND in backends:
        raise UsageError(
            "bench calibrate measures one backend.\nGive one --backend, and repeat the command for"
            " others."
        )
    if not workload_files and (workload or backends or backend_modules):
        raise UsageError(
            "--workload and --backend choose what a workload file gives; without one, psycopg2 and"
            " the point read are calibrated.\n"
            "Leave them out, or name the file with --workload-file."
        )
    if workload_files:
        from bench.cli.calibrate_workload_file import calibration_of_file

        chosen = choose_backends(backends, backend_modules, timeout)
        options = CommandOptions(database_url, admin_url, timeout)
        place = Place(chosen, bool(backends), Dataset(WORKLOAD_FILE_SCALE), options)
        prepared = calibration_of_file(workload_files, workload, setting, place)
    else:
        prepared = _of_point_reads(setting, database_url, admin_url)
    measured: list[Generation] = []
    has_begun = False
    try:
        with prepared as (setting, check):
            echo(_planned(setting), err=True)
            has_begun = True
            with click.progressbar(length=setting.runs, label="measuring", file=sys.stderr) as bar:

                def after_run() -> None:
                    check()
                    bar.update(1)

                calibration.measure(setting, after_run, measured)
    except KeyboardInterrupt:
        if measured:
            echo("interrupted: the table is of the rounds until then", err=True)
            echo(report(measured, setting, figure))
        elif has_begun:
            echo(f"A table takes {_FEWEST} rounds of each case, and there were fewer.", err=True)
        raise
    echo(report(measured, setting, figure))
    equal_verdicts = calibration.verdicts(measured, None, _FEWEST, figure)
    false = calibration.share_found(equal_verdicts)
    return 0 if false <= calibration.MOST_FALSE else 1


@contextmanager
def _of_point_reads(
    setting: "CalibrationConfig", database_url: str | None, admin_url: str | None
) -> "Iterator[tuple[CalibrationConfig, Callable[[], None]]]":
    """Give the calibration of the point read, and a check that the server is there."""
    from bench.dataset import loading as rows
    from bench.dataset import lock
    from bench.server.resolution import resolve
    from bench.studies.calibration.calibrate import EQUAL
    from bench.system.limits import check_open_files

    database = resolve(database_url, [EQUAL], admin_url=admin_url)
    with lock.held(database) as held:
        check_open_files(setting.concurrency)
        database.check_capacity(setting.concurrency + 1)
        rows.ensure(held.connection, setting.dataset)
        yield replace(setting, url=database.url_for(EQUAL)), held.check


def _planned(setting: "CalibrationConfig") -> str:
    a_run_s = setting.seconds + setting.warm_up_s + 0.03
    return f"{setting.runs} runs, about {setting.runs * a_run_s:.0f} s on a quiet machine"


def _measured(setting: "CalibrationConfig") -> str:
    """Return the backend with its clients, and the workload of a file."""
    own = setting.own
    client = "task" if own and own.case.loop != "none" else "thread"
    plural = "s" if setting.concurrency > 1 else ""
    words = f"{setting.backend}, {setting.concurrency} {client}{plural}"
    return f"{own.case.workload} on {words}" if own else words


def _times(amounts: list[int]) -> str:
    """Return `3 x 30`, or `30 + 30 + 12` for amounts that differ."""
    if len(set(amounts)) == 1:
        return f"{len(amounts)} x {amounts[0]}"
    return " + ".join(map(str, amounts))


def report(generations: "list[Generation]", setting: "CalibrationConfig", figure: "Figure") -> str:
    """Return the table of false alarms and found slowdowns, with its legend."""
    from bench.studies.calibration import calibrate as calibration
    from bench.studies.calibration.slowed import SHARES

    amounts = [generation.amount for generation in generations]
    most = max(amounts)
    columns = [rounds for rounds in _COLUMNS if rounds <= most]

    def row(slowdown: float | None, *, floored: bool = True) -> list[str]:
        shares = (
            calibration.share_found(
                calibration.verdicts(generations, slowdown, rounds, figure, floored=floored)
            )
            for rounds in columns
        )
        return [f"{share:.1%}" for share in shares]

    table = [["slower by", "busy wait", *(f"{n} rounds" for n in columns), "needed"]]
    table.append(["nothing", "", *row(None), f"at most {calibration.MOST_FALSE:.0%}"])
    table.append(["  without noise floor", "", *row(None, floored=False), ""])
    for share in SHARES:
        realised = calibration.realised_slowdown(generations, share, figure)
        needed = calibration.rounds_needed(generations, share, most, figure)
        words = f"{needed} rounds" if needed else f"more than {most}"
        table.append([f"{realised:.1%}", f"{share:.0%}", *row(share), words])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in table
    ]
    return (
        f"The share of {calibration.COMPARISONS:,} comparisons by {figure.title} whose verdict is"
        " faster or slower, by the number of rounds in each comparison.\n"
        f"The comparisons are resampled from {_times(amounts)} real rounds"
        f" of {setting.seconds:g} s: {_measured(setting)}, {calibration.EQUALS} equal processes and"
        f" {len(SHARES)} with a busy wait.\n\n" + "\n".join(lines) + "\n\n"
        f"slower by: the slowdown of {figure.title} that was realised. busy wait: the wait that was"
        " asked for, as a share of the call.\n"
        "needed: the rounds that find the slowdown in"
        f" {calibration.POWER:.0%} of the comparisons.\n"
        "nothing: false alarms. A comparison says faster or slower if its 95 % interval excludes 1"
        " and the ratio is outside the noise floor."
    )
