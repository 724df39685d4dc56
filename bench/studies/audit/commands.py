"""Claims about the CPU time and the memory of commands, as the results grow."""

import os
import shutil
import subprocess
import sys
import tempfile
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.results.entries import Run
from bench.results.file import RUN_FILE, Recorder
from bench.results.header import BackendFacts, DatasetFacts, Header
from bench.results.samples import Samples
from bench.studies.audit.claim import Claim, Outcome

CASES, ROUNDS = 99, 13
"""The cases and rounds of a quick run."""
SAMPLES, NULL_SAMPLES = 400, 20_000
"""The samples of a turn, and of one of the null backend: 1,000 on average, as in the reference."""
COMPARED = 10
KEPT = 300


@dataclass(frozen=True)
class Cost:
    """The cost of one command, its child processes included."""

    cpu_s: float
    peak_bytes: int

    def within(self, cpu_s: float, peak_bytes: int | None = None) -> bool:
        """Return whether the command used no more than this."""
        return self.cpu_s < cpu_s and (peak_bytes is None or self.peak_bytes < peak_bytes)


def cost(*words: str, home: Path | None = None) -> Cost:
    """Return the cost of a `bench` command. Raises `CalledProcessError` if it fails.

    `home`: the folder above the results folder, if not the user's own.
    """
    command = [sys.executable, "-m", "bench.cli", *words]
    process = subprocess.Popen(
        command, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * kilobyte)


def environment(home: Path | None) -> dict[str, str]:
    """Return the environment of a command; with `home`, that of its own server and results."""
    if home is None:
        return dict(os.environ)
    without = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return without | {"GATHERBENCH_HOME": str(home)}


def write_run(folder: Path, cases: int = CASES, seed: int = 1, rounds: int = ROUNDS) -> None:
    """Write a results file with so many cases and rounds, as a quick run has them.

    The first backend has as many samples as a null backend.
    """
    names = [f"backend-{number}" for number in range(cases // 3)]
    plan = tuple(Case(name, POINT_READ, concurrency=n) for name in names for n in (1, 4, 16))
    recorder = Recorder(folder)
    facts = BackendFacts(colour="async", layer="driver", driver="asyncpg")
    recorder.header(
        Header(
            plan=plan,
            profile="quick",
            created_at="2026-11-26T12:00:00+00:00",
            rounds=rounds,
            seconds=0.05,
            backends=dict.fromkeys(names, facts),
            dataset=DatasetFacts(scale=1.0, seed=1, digest="made up"),
        )
    )
    random = np.random.default_rng(seed)
    for number in range(rounds):
        for case in plan:
            samples = NULL_SAMPLES if case.backend == names[0] else SAMPLES
            recorder.add(_run(case, number, samples, random))
    recorder.end("complete")
    recorder.close()


def _run(case: Case, number: int, amount: int, random: np.random.Generator) -> Run:
    each = amount // case.concurrency + 1
    took = (250_000 * random.lognormal(0, 0.2, (case.concurrency, each))).astype(np.int64)
    samples = Samples(
        start_ns=array("q", (np.cumsum(took, axis=1) - took).ravel()),
        duration_ns=array("q", took.ravel()),
        rows=array("q", [1] * took.size),
        worker=array("q", np.repeat(np.arange(case.concurrency), each)),
    )
    window_ns = 250_000 * each
    return Run(
        case=case,
        round=number,
        started_at="2026-11-26T12:00:01+00:00",
        window_ns=window_ns,
        samples=samples,
        client_cpu_ns=window_ns // 2,
        server_cpu_ns=window_ns // 4,
        elapsed_ns=window_ns,
        loop_stall_max_ns=None,
        loop_stall_p99_ns=None,
        fewest_operations=each,
        most_operations=each,
    )


def _list() -> Outcome:
    used = cost("list")
    return Outcome("0.3 s", f"{used.cpu_s:.2f} s", used.within(0.3), "0.96 s")


def _help() -> Outcome:
    used = cost("--help")
    return Outcome("0.2 s", f"{used.cpu_s:.2f} s", used.within(0.2), "0.12 s")


def _compare() -> Outcome:
    with tempfile.TemporaryDirectory(prefix="gatherbench-audit-") as name:
        runs = [Path(name) / f"run{number}" for number in range(COMPARED)]
        for number, run in enumerate(runs):
            write_run(run, seed=number)
        used = cost("compare", *map(str, runs), home=Path(name))
    return Outcome("5 s", f"{used.cpu_s:.1f} s", used.within(5), "15.6 s")


def _history() -> Outcome:
    with tempfile.TemporaryDirectory(prefix="gatherbench-audit-") as name:
        archive = Path(name) / "results"
        archive.mkdir()
        write_run(archive / "run0")
        for number in range(1, KEPT):
            (archive / f"run{number}").mkdir()
            shutil.copy(archive / "run0" / RUN_FILE, archive / f"run{number}" / RUN_FILE)
        words = ("history", "--backend", "backend-1", "--workload", POINT_READ)
        used = cost(*words, "--out", str(Path(name) / "drawn"), home=Path(name))
    return Outcome(
        "10 s, 300 MB",
        f"{used.cpu_s:.1f} s, {used.peak_bytes / 1e6:.0f} MB",
        used.within(10, 300_000_000),
        "380 s, 4,400 MB",
    )


CLAIMS = (
    Claim("cost-list", "`bench list` takes less than 0.3 s.", "CPU time", simulate=_list),
    Claim("cost-help", "`bench --help` takes less than 0.2 s.", "CPU time", simulate=_help),
    Claim(
        "cost-compare",
        f"`bench compare` of {COMPARED} runs takes less than 5 s, with its charts.",
        f"CPU time; runs of {CASES} cases and {ROUNDS} rounds of 1,000 samples",
        simulate=_compare,
    ),
    Claim(
        "cost-history",
        f"`bench history` of one backend over {KEPT} runs takes less than 10 s and 300 MB.",
        f"CPU time and peak memory; runs of {CASES} cases and {ROUNDS} rounds",
        simulate=_history,
    ),
)
