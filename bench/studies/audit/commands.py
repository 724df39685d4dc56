"""Claims about the CPU time and the memory of commands, as the results grow."""

import os
import shutil
import subprocess
import sys
import tempfile
from array import array
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.results.entries import Run
from bench.results.file import RUN_FILE, Recorder
from bench.results.header import BackendFacts, DatasetFacts, Header
from bench.results.samples import Samples
from bench.studies.audit.claim import Claim, Outcome

CASES = 84
ROUNDS = 6
SAMPLES = 200
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


def write_run(folder: Path, cases: int = CASES, seed: int = 1) -> None:
    """Write a results file with so many cases, as a quick run has them."""
    names = [f"backend-{number}" for number in range(cases // 3)]
    plan = tuple(Case(name, POINT_READ, concurrency=n) for name in names for n in (1, 4, 16))
    recorder = Recorder(folder)
    facts = BackendFacts(colour="async", layer="driver", driver="asyncpg")
    recorder.header(
        Header(
            plan=plan,
            profile="quick",
            created_at="2026-11-26T12:00:00+00:00",
            rounds=ROUNDS,
            seconds=0.05,
            backends=dict.fromkeys(names, facts),
            dataset=DatasetFacts(scale=1.0, seed=1, digest="made up"),
        )
    )
    random = Random(seed)
    for number in range(ROUNDS):
        for case in plan:
            recorder.add(_run(case, number, random))
    recorder.end("complete")
    recorder.close()


def _run(case: Case, number: int, random: Random) -> Run:
    each = SAMPLES // case.concurrency + 1
    samples = Samples()
    for client in range(case.concurrency):
        start = 0
        for _ in range(each):
            took = int(250_000 * random.lognormvariate(0, 0.2))
            samples.start_ns.append(start)
            samples.duration_ns.append(took)
            start += took
        samples.worker.extend([client] * each)
    samples.rows = array("q", [1] * len(samples.start_ns))
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
        f"CPU time; runs of {CASES} cases and {ROUNDS} rounds",
        simulate=_compare,
    ),
    Claim(
        "cost-history",
        f"`bench history` of one backend over {KEPT} runs takes less than 10 s and 300 MB.",
        f"CPU time and peak memory; runs of {CASES} cases and {ROUNDS} rounds",
        simulate=_history,
    ),
)
