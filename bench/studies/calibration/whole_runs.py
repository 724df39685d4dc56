"""Whole runs of two backends, one of which is slower by a wait from outside, and their verdicts.

Each is the command that a user would type, in a process of its own:

    bench run --backend asyncpg --backend asyncpg-slower-5-of-time --budget 60s ...

The verdicts are those of every run, for throughput and CPU time: the lines `decided`, and the
comparison of a table. Nothing is resampled.

A run that ends early exaggerates the difference that made it end. So the slowdown is measured by a
run of its own, which has a fixed length.
"""

import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from math import exp, log
from pathlib import Path
from statistics import median

from bench.analysis.figure import FIGURES
from bench.analysis.stats import median_over_rounds
from bench.analysis.stopping import Comparison, Stopping
from bench.analysis.summary import Summary, summarise
from bench.analysis.verdict import compare, noise_floor
from bench.model.errors import BenchError
from bench.model.profiles import POINT_READ
from bench.results import file
from bench.results.file import Results
from bench.studies.calibration import slower
from bench.studies.calibration.busy_wait import Of
from bench.system.processors import halves

CONCURRENCY = (1, 16)
CLOCKS = ("throughput", "cpu")
"""The figures whose verdicts are counted."""
_OPPOSITE = {"faster": "slower", "slower": "faster"}
OTHER_WORK_S = 8.0
"""Seconds that a run takes beside its budget: its start, verification, probes and report."""
ROUNDS = 400
"""The rounds of the run that measures a slowdown."""
TURN_S = 0.01
_END_S = 30.0
"""Seconds that an interrupted run may take to end."""


@dataclass(frozen=True)
class Variant:
    """The comparison of a run: a backend with one that is slower, or with an equal one."""

    backend: str
    share: float
    of: Of = "time"

    @property
    def other(self) -> str:
        return slower.slower(self.backend, self.share, self.of)


@dataclass(frozen=True)
class Seen:
    """One verdict of one run, and what it rests on."""

    clock: str
    concurrency: int
    word: str
    slower_by: float
    """The slowdown in this run, as a share. A run that ended early exaggerates it."""
    rounds: int
    floor: float | None
    """The factor of the noise floor; None for a decision, which needs none."""
    deviation: float
    """The deviation of the logarithm of one paired ratio, by the median absolute deviation."""
    logs: list[float] = field(default_factory=list)
    """The logarithm of each paired ratio, in the order of rounds; empty for a decision."""


@dataclass(frozen=True)
class WholeRun:
    """The verdicts of one run."""

    share: float
    of: str
    seconds: float
    """The time from the start of the command to its end."""
    seen: list[Seen] = field(default_factory=list)


@dataclass(frozen=True)
class Slowdown:
    """The cost of a slower backend's wait, by a run of a fixed length."""

    share: float
    of: str
    clock: str
    concurrency: int
    low: float
    slower_by: float
    """The slowdown as a share, by the median of paired ratios, with its interval."""
    high: float
    rounds: int


def command(variant: Variant, length: Sequence[str], folder: Path, *, pin: bool) -> list[str]:
    """Return the words after `bench` of a focused run. `length`: the options that decide it."""
    return [
        "run",
        *("--backend-module", slower.__name__),
        *("--backend", variant.backend, "--backend", variant.other),
        *("--workload", POINT_READ),
        *("--concurrency", ",".join(map(str, CONCURRENCY))),
        *("--latency", "0", "--session-scope", "task", "--transactions", "autocommit"),
        *length,
        "--pin" if pin else "--no-pin",
        *("--no-charts", "--quiet", "--out", str(folder)),
    ]


def measure(variant: Variant, budget_s: float, database_url: str | None = None) -> list[Seen]:
    """Run it once, and return its verdicts. Raises `BenchError` if the run failed."""
    return verdicts(_measured(variant, ("--budget", f"{budget_s:g}s"), database_url), variant)


def slowdowns(variant: Variant, database_url: str | None = None) -> list[Slowdown]:
    """Return what the variant's wait costs, by a run of its own. Raises as `measure`."""
    length = ("--rounds", str(ROUNDS), "--seconds", str(TURN_S))
    results = _measured(variant, length, database_url)
    found = []
    for concurrency, plain, other in _pairs(summarise(results), variant):
        for clock in CLOCKS:
            sign = -1 if FIGURES[clock].more_is_better else 1
            logs = [sign * value for value in _logs(clock, plain, other)]
            cost = median_over_rounds(logs)
            if cost is None or cost.low is None or cost.high is None:
                raise BenchError(f"{other.case.title}: too few rounds.\nTry it: bench doctor")
            low, middle, high = (exp(end) - 1 for end in (cost.low, cost.median, cost.high))
            measured = (low, middle, high, len(logs))
            found.append(Slowdown(variant.share, variant.of, clock, concurrency, *measured))
    return found


def _measured(variant: Variant, length: Sequence[str], database_url: str | None) -> Results:
    # Both kinds of run must have the same placement, so neither chooses for itself.
    pin = database_url is None and halves() is not None
    with tempfile.TemporaryDirectory(prefix="gatherbench-power-") as name:
        folder = Path(name) / "run"
        words = command(variant, length, folder, pin=pin)
        _carry_out([*words, *(("--database-url", database_url) if database_url else ())])
        return file.load(folder)


def _pairs(
    summaries: Sequence[Summary], variant: Variant
) -> Iterator[tuple[int, Summary, Summary]]:
    """Yield each concurrency with its two cases. Raises `BenchError` if one was not measured."""
    by_case = {(s.case.backend, s.case.concurrency): s for s in summaries if not s.case.twin}
    for concurrency in CONCURRENCY:
        plain = by_case.get((variant.backend, concurrency))
        other = by_case.get((variant.other, concurrency))
        if not plain or not other:
            raise BenchError(
                f"the run has no case of {variant.other} at {concurrency}.\nTry it: bench doctor"
            )
        yield concurrency, plain, other


def verdicts(results: Results, variant: Variant) -> list[Seen]:
    """Return the verdicts of a run on the slower backend, for each concurrency."""
    summaries = summarise(results)
    decisions = {(said.case.concurrency, said.figure): said for said in _decisions(results)}
    found = []
    for concurrency, plain, other in _pairs(summaries, variant):
        for clock in CLOCKS:
            shown = _verdict(clock, plain, other, summaries)
            said = decisions[concurrency, FIGURES[clock]]
            found += [_decision(said, variant, shown), shown]
    return found


def _verdict(clock: str, plain: Summary, other: Summary, summaries: list[Summary]) -> Seen:
    figure = FIGURES[clock]
    verdict = compare(plain, other, figure, noise_floor(summaries, figure))
    ratio = verdict.ratio.median if verdict.ratio else 1.0
    logs = _logs(clock, plain, other)
    return Seen(
        clock,
        plain.case.concurrency,
        verdict.word,
        (1 / ratio if figure.more_is_better else ratio) - 1,
        len(logs),
        verdict.floor,
        _deviation(logs),
        [round(value, 4) for value in logs],
    )


def _decisions(results: Results) -> list[Comparison]:
    """Return the run's lines `decided`: the same rule, fed with the same rounds."""
    stopping = Stopping(results.header.plan)
    of_round: int | None = None
    for run in results.runs:
        if run.round != of_round:
            stopping.wanted()
            of_round = run.round
        stopping.note(run)
    stopping.wanted()
    return stopping.comparisons()


def _decision(said: Comparison, variant: Variant, shown: Seen) -> Seen:
    word: str = said.decision
    if said.case.backend == variant.backend and word in _OPPOSITE:
        word = _OPPOSITE[word]
    return replace(
        shown, clock=f"{shown.clock}, decided", word=word, rounds=said.turns, floor=None, logs=[]
    )


def _logs(clock: str, plain: Summary, other: Summary) -> list[float]:
    one, two = plain.by_round(FIGURES[clock]), other.by_round(FIGURES[clock])
    both = sorted(one.keys() & two.keys())
    return [log(two[n] / one[n]) for n in both if one[n] > 0 and two[n] > 0]


def _deviation(logs: list[float]) -> float:
    if not logs:
        return 0.0
    middle = median(logs)
    return 1.4826 * median(abs(value - middle) for value in logs)  # that of a normal distribution


def _carry_out(words: list[str]) -> None:
    """Run `bench` to its end, or until an interrupt, which it gets too."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.cli", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, said = process.communicate()
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    if process.returncode:
        lines = [line for line in said.splitlines() if line.startswith("error: ")]
        reason = lines[0].removeprefix("error: ") if lines else f"exit code {process.returncode}"
        raise BenchError(
            f"a run failed: {reason}\nSee it by itself: bench {shlex.join(words[:-2])}"
        )


@contextmanager
def other_load(processes: int) -> Iterator[None]:
    """Keep so many processors busy with other processes until the block ends.

    They also end with this process, however it ends.
    """
    with ExitStack() as begun:
        for _ in range(processes):
            busy = subprocess.Popen([sys.executable, "-c", _BUSY], stdin=subprocess.PIPE)
            begun.enter_context(busy)
            begun.callback(busy.kill)
        yield


_BUSY = """
import os, threading
def watch():
    os.read(0, 1)  # the pipe ends with the process that holds it
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
while True:
    sum(range(10_000))
"""
