"""Claims about whole runs as a user types them, with a server and a results folder of their own."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.model.errors import BenchError
from bench.model.profiles import POINT_READ
from bench.results import file
from bench.results.file import Results
from bench.studies.audit.claim import Claim, Laboratory, Outcome
from bench.studies.audit.commands import Cost, cost, environment

PLAIN = (
    "--session-scope=task",
    "--transactions=autocommit",
    "--latency=0",
    "--no-charts",
    "--quiet",
    f"--workload={POINT_READ}",
)
SAMPLES = 2_000_000
MOST_BYTES = 300_000_000
LONG = ("--backend=null", "--concurrency=1", "--rounds=1", "--seconds=20", "--scale=0.01")
"""A null backend has a window of a tenth, in which it makes some million samples a second."""
CLIENTS = (512, 1_000)
MANY = (
    "--backend=asyncpg",
    "--backend=null-async",
    f"--concurrency={','.join(map(str, CLIENTS))}",
    "--rounds=2",
    "--seconds=0.2",
    "--scale=0.01",
)
WINDOWS_S, QUICK_S = 60, 110
LEAST_THROUGHPUT, MOST_CPU = 0.97, 1.05
_LINE = re.compile(r"^\S+ +\d+ +([\d.]+) \[.+?\] +([\d.]+) \[", re.MULTILINE)
"""A line of `bench overhead`: the medians of throughput and of CPU time."""


@dataclass(frozen=True)
class Place:
    """A folder with a server and results of its own."""

    home: Path

    def run(self, *words: str) -> tuple[Results, Cost]:
        """Carry out `bench run` with these words; return its results and its cost.

        Raises `CalledProcessError` if it fails.
        """
        folder = self.home / "run"
        used = cost("run", *words, "--out", str(folder), home=self.home)
        return file.load(folder), used


@contextmanager
def own_place() -> Iterator[Place]:
    """Give a place; stop its server at the end."""
    with tempfile.TemporaryDirectory(
        prefix="gatherbench-audit-", ignore_cleanup_errors=True
    ) as name:
        home = Path(name)
        home.chmod(0o755)
        try:
            yield Place(home)
        finally:
            subprocess.run(
                [sys.executable, "-m", "bench.cli", "db", "stop"],
                env=environment(home),
                capture_output=True,
                check=False,
            )


def _long(_laboratory: Laboratory) -> Outcome:
    with own_place() as place:
        results, used = place.run(*PLAIN, *LONG)
        samples = sum(len(run.samples) for run in results.runs)
    return Outcome(
        truth=f"at most {MOST_BYTES / 1e6:.0f} MB, from {SAMPLES / 1e6:g} million samples on",
        measured=f"{used.peak_bytes / 1e6:.0f} MB, {samples / 1e6:.1f} million samples",
        before="379 MB, and 626 MB as CSV, for 5.7 million",
        holds=used.peak_bytes <= MOST_BYTES and samples >= SAMPLES,
    )


def _many(_laboratory: Laboratory) -> Outcome:
    with own_place() as place:
        results, _ = place.run(*PLAIN, *MANY)
    cases = [case for case in results.header.plan if not case.twin]
    idle = sum(run.fewest_operations == 0 for run in results.runs)
    return Outcome(
        truth=f"{len(cases)} cases, no failure",
        measured=f"{len({run.case for run in results.runs if not run.case.twin})} cases,"
        f" {len(results.failures)} failures, a client without an operation in {idle} of"
        f" {len(results.runs)} rounds",
        before="refused: 200 connections",
        holds={run.case for run in results.runs} >= {*cases} and not results.failures,
    )


def _quick(_laboratory: Laboratory) -> Outcome:
    with own_place() as place:
        place.run(*PLAIN, "--profile=smoke", "--scale=0.5", "--backend=null")
        (place.home / "run").rename(place.home / "first")
        results, _ = place.run("--no-charts", "--quiet")
    seconds = results.end.seconds if results.end else {}
    windows, total = seconds.get("windows", 0.0), sum(seconds.values())
    return Outcome(
        truth=f"at least {WINDOWS_S} s of windows in at most {QUICK_S} s",
        measured=f"{windows:.0f} s of windows in {total:.0f} s, with verification",
        before="25 s of windows in 107 s",
        holds=windows >= WINDOWS_S and total <= QUICK_S,
    )


def _harness(_laboratory: Laboratory) -> Outcome:
    with own_place() as place:
        command = [sys.executable, "-m", "bench.cli", "overhead"]
        done = subprocess.run(
            command, env=environment(place.home), capture_output=True, text=True, check=False
        )
    return harness_cost(done.stdout or done.stderr)


def harness_cost(printed: str) -> Outcome:
    """Return the outcome of what `bench overhead` has printed: its worst line decides.

    Raises `BenchError` if that has no line.
    """
    lines = [(float(throughput), float(cpu)) for throughput, cpu in _LINE.findall(printed)]
    if not lines:
        raise BenchError(f"bench overhead has measured nothing:\n{printed}")
    throughputs, cpus = zip(*lines, strict=True)
    return Outcome(
        truth=f"at least {LEAST_THROUGHPUT} and at most {MOST_CPU}",
        measured=f"throughput {min(throughputs):.3f} to {max(throughputs):.3f}, CPU time"
        f" {min(cpus):.3f} to {max(cpus):.3f} in {len(lines)} lines",
        before="0.973, 1.097",
        holds=min(throughputs) >= LEAST_THROUGHPUT and max(cpus) <= MOST_CPU,
    )


CLAIMS = (
    Claim(
        "long-run-memory",
        "A run of millions of samples takes no more memory than a short one.",
        "peak memory of `bench run` and its worker processes: a null backend, one window of 2 s",
        measure=_long,
    ),
    Claim(
        "thousand-clients",
        "The embedded server serves 512 and 1,000 clients.",
        "real rounds of 0.2 s: asyncpg and null-async, on a server that is started for them",
        measure=_many,
    ),
    Claim(
        "quick-windows",
        f"The quick profile measures at least {WINDOWS_S} s of windows in {QUICK_S} s.",
        "the stages that the run itself has noted; the rows are loaded, nothing is verified before",
        measure=_quick,
    ),
    Claim(
        "harness",
        "The harness costs a point read at most 3 % of its throughput and 5 % of its CPU time.",
        "`bench overhead`: ratios to a hand-written loop on the same connections, in turns; the"
        " drivers, Core and the ORM, in both modes, at 1 and 16; the worst medians",
        measure=_harness,
    ),
)
