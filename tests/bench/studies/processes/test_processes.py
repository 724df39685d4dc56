"""`bench run --processes`: several processes share the clients of a case."""

import csv
import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.analysis.selection import select
from bench.analysis.warnings import result_warnings
from bench.model.case import Case
from bench.model.link import Link
from bench.results import file
from bench.results.entries import Run
from bench.results.file import Results
from bench.studies.processes.by_processes import by_processes
from bench.studies.processes.charts import figures
from bench.studies.processes.findings import findings
from tests.bench import synthetic
from tests.bench.command import (
    LONGEST_S,
    ONE_CASE,
    POINT,
    Bench,
    ctrl_c,
    finish,
    wait_until,
    workers,
)

TWO = ("--backend=psycopg2", "--backend=asyncpg", "--no-verify")
SHARED = ("--concurrency=3", "--processes=1,2")


def test_processes_are_a_factor(bench: Bench) -> None:
    """From the command line to the file, the table, summary.csv and the command to repeat it."""
    done = bench.measure(*TWO, *SHARED)
    assert done.code == 0, done.err
    assert f"{POINT}, at 3, in 2 processes" in done.out
    results = file.load(bench.out)
    shared = [run for run in results.runs if run.case.processes == 2]
    assert len(shared) == 2 * 2
    for run in shared:
        assert run.connections == 3
        assert set(run.samples.worker) <= {0, 1, 2}
        assert run.start_skew_ns is not None
        assert run.clock_error_ns is not None
    alone = [run for run in results.runs if run.case.processes == 1]
    assert all(run.start_skew_ns is None for run in alone)
    lines = bench.lines("run")
    assert {line["case"].get("processes") for line in lines if "start_skew_ns" in line} == {2}
    with (bench.out / "summary.csv").open(newline="") as table:
        assert {row["processes"] for row in csv.DictReader(table)} == {"1", "2"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--processes=2",), "nothing to measure: 2 processes cannot share one client"),
        (("--processes=8", "--concurrency=4"), "8 processes cannot share 4 clients"),
    ],
)
def test_fewer_clients_than_processes_is_impossible(
    bench: Bench, options: tuple[str, ...], words: str
) -> None:
    done = bench.measure("--backend=asyncpg", "--no-verify", *options)
    assert (done.code, len(done.error)) == (2, 2)
    assert words in done.error[0]


def test_a_number_below_one_is_refused(bench: Bench) -> None:
    done = bench.measure("--processes=0")
    assert done.code == 2
    assert "processes must be at least 1" in done.err


def test_more_processes_than_connections_is_two_lines(bench: Bench) -> None:
    """Forbids that processes are started whose connections the server then refuses."""
    options = ("--no-verify", "--concurrency=2000", "--processes=2000", f"--out={bench.out}")
    done = bench("run", *ONE_CASE, *options)
    assert (done.code, len(done.error)) == (1, 2)
    assert "4004 connections are needed" in done.error[0]
    assert "max_connections" in done.error[0]


def test_a_process_that_is_killed_fails_its_case_by_name(bench: Bench) -> None:
    """Forbids an endless wait of the others at the barrier, and the end of the whole run."""
    command = bench.start(
        "run", *ONE_CASE[:-2], f"--out={bench.out}", *TWO, *SHARED, "--rounds=100000"
    )
    wait_until(lambda: len(bench.lines("run")) > 5)
    victim = next(p for p in workers(command) if "spawn_main" in " ".join(p.cmdline()))
    os.kill(victim.pid, signal.SIGKILL)
    wait_until(lambda: bench.lines("failure"))
    before = len(bench.lines("run"))
    wait_until(lambda: len(bench.lines("run")) > before + 8)
    started = workers(command)
    ctrl_c(command)
    assert finish(command).code == 130
    assert not psutil.wait_procs(started, timeout=LONGEST_S)[1]
    assert "its process died" in bench.lines("failure")[0]["error"]


def made(case: Case, rate: float, cores: float, number: int) -> Run:
    """A round of the case with this throughput, whose clients used so many cores."""
    run = synthetic.constant_run(case, number, round(1e9 / rate))
    return replace(run, client_cpu_ns=round(cores * run.elapsed_ns))


def results(folder: Path, rates: dict[int, float], *, gil: bool = True) -> Results:
    """Rounds of one process that used a whole core, and of several."""
    cases = {n: Case("orm+asyncpg", POINT, concurrency=16, processes=n) for n in rates}
    runs = [
        made(cases[n], rate * (1 + 0.001 * number), min(n, rate / rates[1]), number)
        for number in range(8)
        for n, rate in rates.items()
    ]
    environment = replace(synthetic.ENVIRONMENT, gil=gil)
    header = synthetic.header(list(cases.values()), 8, environment=environment)
    return Results(folder, header, runs)


def sentences(found: Results) -> list[str]:
    return [finding.sentence for finding in findings(found, select(found))]


def test_the_gil_is_named_as_the_limit(tmp_path: Path) -> None:
    (sentence,) = sentences(results(tmp_path, {1: 1_000.0, 2: 1_900.0, 4: 2_900.0}))
    assert sentence == (
        "`orm+asyncpg`, a point read with 16 clients: 4 processes of 4 tasks beat one process of"
        " 16 tasks by 2.9x (2.90 to 2.90): the GIL was the limit."
    )


def test_without_a_gil_it_is_not_the_limit(tmp_path: Path) -> None:
    (sentence,) = sentences(results(tmp_path, {1: 1_000.0, 4: 2_900.0}, gil=False))
    assert sentence.endswith("although Python runs without the GIL.")


def test_processes_that_lose_are_told(tmp_path: Path) -> None:
    (sentence,) = sentences(results(tmp_path, {1: 1_000.0, 4: 500.0}))
    assert "one process of 16 tasks beats 4 processes of 4 tasks by 2.0x" in sentence


def test_equal_processes_are_equal(tmp_path: Path) -> None:
    (sentence,) = sentences(results(tmp_path, {1: 1_000.0, 4: 1_000.0}))
    assert "4 processes of 4 tasks do as much as one process of 16 tasks" in sentence


def test_a_machine_that_is_full_is_the_reason(tmp_path: Path) -> None:
    """Forbids a sentence that leaves the reader to think that processes never help."""
    found = results(tmp_path, {1: 1_000.0, 2: 1_000.0})
    header = found.header
    environment = replace(header.environment, host=replace(header.environment.host, cores=2))
    runs = [replace(run, server_cpu_ns=run.elapsed_ns) for run in found.runs]
    full = replace(found, runs=runs, header=replace(header, environment=environment))
    (sentence,) = sentences(full)
    assert sentence.endswith("they and the server use all 2 cores of this machine.")
    idle = [replace(run, client_cpu_ns=run.elapsed_ns // 4, server_cpu_ns=0) for run in runs]
    (sentence,) = sentences(replace(full, runs=idle))
    assert sentence.endswith("one process had CPU time left to begin with.")


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    """Defect: one sentence for six kinds of work, and a row of the chart for a network that no
    word named."""
    here = results(tmp_path, {1: 1_000.0, 2: 1_900.0})
    far = [replace(run, case=replace(run.case, link=Link(1_000_000))) for run in here.runs]
    cases = list(dict.fromkeys(run.case for run in [*here.runs, *far]))
    header = synthetic.header(cases, 8)
    both = Results(tmp_path, header, [*here.runs, *far])
    first, second = sentences(both)
    assert "with 16 clients: 2 processes" in first
    assert "with 16 clients, 1ms to the server: 2 processes" in second
    ((_, figure),) = figures(both, [], select(both))
    assert len(figure.axes) == 2


def test_a_chart_is_drawn_of_every_workload(tmp_path: Path) -> None:
    found = results(tmp_path, {1: 1_000.0, 2: 1_900.0, 4: 2_900.0}, gil=False)
    selection = select(found)
    (measured,) = by_processes(selection)
    assert measured.processes == [1, 2, 4]
    ((name, figure),) = figures(found, [], selection)
    assert name == f"processes-{POINT}"
    texts = " ".join(text.get_text() for text in figure.texts)
    assert "without the GIL" in texts.replace("\n", " ")
    alone = results(tmp_path, {1: 1_000.0})
    assert not list(figures(alone, [], select(alone)))


def test_four_processes_may_use_four_cores(tmp_path: Path) -> None:
    """Defect: what several processes use was called impossible for one process with the GIL."""
    found = results(tmp_path, {1: 1_000.0, 4: 3_900.0})
    assert not [w for w in result_warnings(found) if "than one core" in w.symptom]


def test_a_late_start_is_a_warning(tmp_path: Path) -> None:
    found = results(tmp_path, {1: 1_000.0, 4: 3_900.0})
    found.runs = [
        replace(run, start_skew_ns=run.window_ns // 5) if run.case.processes > 1 else run
        for run in found.runs
    ]
    (late,) = (w for w in result_warnings(found) if "began late" in w.symptom)
    assert "the last one after 20% of the window" in late.symptom
