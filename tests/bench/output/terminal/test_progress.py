"""The progress of a measurement: on a terminal, in a pipe, in CI, without colour, or quiet."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from dataclasses import replace
from io import StringIO
from select import select

import pytest
from rich.console import Console

from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.output.terminal.progress import Estimate, _in_words
from bench.output.terminal.screen import _figures
from tests.bench import synthetic
from tests.bench.command import BENCH, Bench

SHORT = ("--profile=smoke", "--backend=psycopg2", "--no-verify", "--seconds=0.1")
ONE = ("--workload=get_total_cost_of_an_order", "--concurrency=1")
"""Options for tests in which any single case will do."""
POINTS_AND_ROWS = ("--workload=get_total_cost_of_an_order", "--workload=get_customers")
"""One whose figure is operations, and one whose figure is rows."""
DRAWING = b"drawing the charts"
COLOUR = re.compile(r"\x1b\[[\d;]*[3-4]\d[;m]")
HIDE_CURSOR = b"\x1b[?25l"


def on_terminal(bench: Bench, columns: int, *options: str, **environment: str) -> str:
    """Return what a run writes to stderr, which is a terminal, until it draws the charts."""
    screen, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    unset = {"CI", "NO_COLOR", "TERM"}
    inherited = {name: value for name, value in bench.environment.items() if name not in unset}
    command = subprocess.Popen(
        [BENCH, "run", *SHORT, f"--out={bench.out}", *options],
        env=inherited | {"TERM": "xterm-256color"} | environment,
        cwd=bench.folder,
        stdin=side,
        stdout=subprocess.DEVNULL,
        stderr=side,
    )
    os.close(side)
    written = b""
    while DRAWING not in written and command.poll() is None:
        if select([screen], [], [], 0.1)[0]:
            try:
                written += os.read(screen, 65_536)
            except OSError:  # the command has ended, and its side of the terminal is closed
                break
    assert DRAWING in written or command.wait() == 0, written.decode()
    command.kill()
    command.wait()
    os.close(screen)
    before, drawing, _ = written.partition(DRAWING)
    return (before.rpartition(HIDE_CURSOR)[0] if drawing else before).decode()


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_shows_the_progress(bench: Bench, columns: int) -> None:
    seen = on_terminal(bench, columns, *POINTS_AND_ROWS)
    assert HIDE_CURSOR.decode() in seen
    assert "measurement: psycopg2, get_total_cost_of_an_order, at 2" in seen
    assert re.search(r"\d+%, about \d+ s left", seen)
    assert re.search(r"psycopg2 +[\d,.]+( k)? operations/s, p50 [\d.]+ (µs|ms)", seen)
    assert re.search(r"psycopg2 +[\d,.]+( k)? rows/s, first row [\d.]+ (µs|ms)", seen)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen))
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_long_case_takes_no_room_from_names_and_figures(columns: int) -> None:
    case = "get_total_cost_of_an_order, at 1, a session per operation, implicit transactions"
    console = Console(width=columns, file=StringIO(), record=True)
    console.print(_figures({"core+psycopg-async": ("1.62 k operations/s, p50 551 µs", case)}))
    (line,) = console.export_text().splitlines()
    assert line.startswith("core+psycopg-async  1.62 k operations/s, p50 551 µs  get")
    assert line.rstrip().endswith("…")


def test_without_colour(bench: Bench) -> None:
    assert COLOUR.search(on_terminal(bench, 80, *ONE))
    bench.out = bench.folder / "again"
    plain = on_terminal(bench, 80, *ONE, NO_COLOR="1")
    assert HIDE_CURSOR.decode() in plain
    assert not COLOUR.search(plain)


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_without_a_screen_gets_lines(bench: Bench, environment: dict[str, str]) -> None:
    seen = on_terminal(bench, 80, *ONE, **environment)
    assert HIDE_CURSOR.decode() not in seen
    assert "\nmeasurement: " in seen


def test_quiet_says_nothing(bench: Bench) -> None:
    seen = on_terminal(bench, 80, *ONE, "--quiet")
    assert "measurement" not in seen
    assert HIDE_CURSOR.decode() not in seen


def test_a_pipe_gets_lines(bench: Bench) -> None:
    done = bench("run", *SHORT, *ONE, "--no-charts", f"--out={bench.out}")
    assert "\x1b" not in done.err + done.out
    assert "rows\n" in done.err
    assert re.search(r"^measurement: \d+$", done.err, re.M)


def test_lines_come_every_few_seconds_with_the_last_figures(bench: Bench) -> None:
    done = bench("run", *SHORT, "--seconds=0.5", "--no-charts", f"--out={bench.out}")
    said = re.findall(r"measurement: +\d+% done, about \d+ s left; .*", done.err)
    assert said
    assert all("/s, " in line for line in said)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (Case("asyncpg", synthetic.POINT, concurrency=4), r"[\d.]+ k operations/s, p50 \d+ µs"),
        (Case("asyncpg", synthetic.MANY), r"\d+ k rows/s, first row [\d.]+ ms"),
        (Case("asyncpg", synthetic.MANY, Fetch("streamed")), r"\d+ k rows/s, first row \d+ µs"),
    ],
    ids=lambda value: value.key if isinstance(value, Case) else "",
)
def test_the_last_figures_are_those_that_the_case_is_for(case: Case, words: str) -> None:
    (run, *_) = synthetic.results(synthetic.Path(), [case]).runs
    assert re.fullmatch(words, _in_words(run))
    errors = dict.fromkeys(range(len(run.samples)), "TimeoutError: late")
    lost = replace(run, samples=replace(run.samples, errors=errors))
    assert _in_words(lost) == "every operation failed"


def test_an_estimate_begins_with_the_plan_and_follows_the_measurement() -> None:
    estimate = Estimate(100.0)
    assert estimate.left_s == pytest.approx(100, abs=1)
    estimate.done_s = 50.0  # at once
    assert estimate.left_s < 50
    assert estimate.share == 0.5
