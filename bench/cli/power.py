"""`bench power`: count how many whole runs find a slowdown that comes from outside."""

import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.compare import as_share
from bench.cli.options import MOST_REPEATED, Duration, database_url_option, no_workload_file
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.studies.calibration.busy_wait import Of
    from bench.studies.calibration.power_file import PowerFile
    from bench.studies.calibration.whole_runs import Variant, WholeRun

_BACKENDS = ("orm+asyncpg", "asyncpg", "psycopg-async", "psycopg2")
"""The backends that have a slower one, as in `bench.studies.calibration.slower`."""
_EQUAL = 0.0


def _shares(
    context: click.Context, option: click.Parameter, texts: "Sequence[str]"
) -> tuple[float, ...]:
    """Return `5%` or `0.05` as shares, for click; each must be one that a backend waits for."""
    from bench.studies.calibration.slower import SHARES

    shares = tuple(as_share(context, option, text) or _EQUAL for text in texts)
    if wrong := [share for share in shares if share not in (_EQUAL, *SHARES)]:
        known = ", ".join(f"{share:.0%}" for share in (_EQUAL, *SHARES))
        raise click.BadParameter(f"{wrong[0]:.4g} is none of {known}")
    return tuple(dict.fromkeys(shares))


@click.command()
@no_workload_file(
    "its slower backend slows the built-in point read",
    "Count how often verdicts on your file are wrong: bench calibrate --workload-file.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1, MOST_REPEATED),
    default=10,
    show_default=True,
    help="Number of runs for each --share.",
)
@click.option(
    "--budget",
    "budget_s",
    type=Duration(1, 86_400),
    default="60s",
    show_default=True,
    metavar="TIME",
    help="The --budget of each run.",
)
@click.option(
    "--share",
    "shares",
    multiple=True,
    default=("5%", "0%"),
    show_default=True,
    callback=_shares,
    metavar="SHARE",
    help="The busy wait after each operation, as a share of it: 2, 3, 5, 10 or 20 %. 0 %: two equal"
    " backends. Repeatable.",
)
@click.option(
    "--of",
    type=click.Choice(["time", "cpu"]),
    default="time",
    show_default=True,
    help="The measure that the wait is a share of: elapsed time or CPU time for an operation. They"
    " are the same where the client is busy all the time.",
)
@click.option(
    "--backend",
    type=click.Choice(_BACKENDS),
    default=_BACKENDS[0],
    show_default=True,
    help="The backend to compare with a slower one. The default's client is what limits it at 16:"
    " where the server is, a slower client loses no throughput.",
)
@click.option("--busy", is_flag=True, help="Keep half of the processors busy with other work.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write power.json into this folder. If it has one, go on with its runs.",
)
@database_url_option
def power(
    repeat: int,
    budget_s: float,
    shares: tuple[float, ...],
    of: "Of",
    backend: str,
    busy: bool,
    out: Path | None,
    database_url: str | None,
) -> None:
    """Count how many whole runs find a slowdown that comes from outside, and how many false ones.

    Each run is `bench run --budget` with two backends and one workload, at 1 and at 16. One backend
    is slower by a real busy wait, or equal, in a module that `--backend-module` names. The table
    counts the verdicts of each run on throughput and on CPU time. A run of a fixed length measures
    first what each wait costs, because a wait of 5 % of the time may be 10 % of the CPU time, and
    nothing of the throughput. All runs are pinned, where that is possible.

    Each run that has ended is kept in results/. After Ctrl-C, --out DIR goes on with it.

    \b
    Examples:
      bench power
      bench power --share 10% --busy --repeat 5
      bench power --share 5% --of cpu --backend psycopg2
    """
    from bench.cli.measurement import check_out
    from bench.results import environment
    from bench.studies.calibration import power_file, power_table
    from bench.studies.calibration.whole_runs import Variant, other_load, slowdowns

    check_out(out)
    processors = max(1, (environment.host().cores or 1) // 2) if busy else 0
    file = power_file.begin(out, backend, budget_s, processors)
    wanted = [Variant(backend, share, of if share else "time") for share in shares]
    left = _left(wanted, file, repeat)
    echo(_planned(len(left), budget_s, processors), err=True)
    folder = out
    try:
        with other_load(processors) if processors else nullcontext():
            for number, variant in enumerate(left, 1):
                if variant.share and not file.has_slowdown(variant):
                    file.slowdowns += slowdowns(variant, database_url)
                run = _one(variant, budget_s, database_url)
                file.runs.append(run)
                folder = _written(folder, file)
                echo(f"{number} of {len(left)}  {_in_words(run)}", err=True)
    finally:
        if file.runs:
            echo(power_table.report(file))
        if file.runs and folder:
            echo(f"written  {folder / power_file.FILE}")
            if missing := len(_left(wanted, file, repeat)):
                echo(f"Runs that are missing: {missing}. Give the same options and --out {folder}.")


def _left(wanted: "Sequence[Variant]", file: "PowerFile", repeat: int) -> "list[Variant]":
    """Return the runs that are to be made. The kinds alternate, so that all have the same hours."""
    had = Counter((run.share, run.of) for run in file.runs)
    return [
        variant
        for number in range(repeat)
        for variant in wanted
        if number >= had[variant.share, variant.of]
    ]


def _one(variant: "Variant", budget_s: float, database_url: str | None) -> "WholeRun":
    from bench.studies.calibration.whole_runs import WholeRun, measure

    start = time.monotonic()
    seen = measure(variant, budget_s, database_url)
    return WholeRun(variant.share, variant.of, time.monotonic() - start, seen)


def _written(folder: Path | None, file: "PowerFile") -> Path:
    from bench.cli.measurement import in_results
    from bench.studies.calibration import power_file
    from bench.system.output_files import made_folder

    def make(path: Path) -> Path:
        with made_folder(path):
            return path

    folder = make(folder) if folder else in_results("power", make)
    power_file.write(folder, file)
    return folder


def _planned(runs: int, budget_s: float, processors: int) -> str:
    from bench.studies.calibration.whole_runs import OTHER_WORK_S

    minutes = max(1, runs * (budget_s + OTHER_WORK_S) / 60)
    busy = f", while {processors} processors are kept busy" if processors else ""
    return f"{runs} runs of {budget_s:g} s, at most about {minutes:.0f} minutes{busy}"


def _in_words(run: "WholeRun") -> str:
    kind = f"{run.share:.0%} of {run.of}" if run.share else "equal"
    words = "; ".join(
        f"{one.clock} at {one.concurrency} {one.word} ({-one.slower_by:+.1%})" for one in run.seen
    )
    return f"{kind}, {run.seconds:.0f} s: {words}"
