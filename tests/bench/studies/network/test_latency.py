"""`bench run --latency`: the network as a factor, from the command line to files and charts."""

import csv
import os
import signal
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.analysis.selection import select
from bench.cli.link_options import links
from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.link import Link
from bench.results import file
from bench.results.entries import LinkCounts
from bench.results.file import Results
from bench.studies.network.by_latency import by_latency
from bench.studies.network.latency import findings
from tests.bench import synthetic
from tests.bench.command import LONGEST_S, ONE_CASE, Bench, ctrl_c, finish, wait_until, workers

TWO = ("--backend=psycopg2", "--backend=asyncpg", "--no-verify")


def proxies(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if "bench.server.proxy" in process.cmdline()]


def test_a_latency_is_a_factor(bench: Bench) -> None:
    done = bench.measure(*TWO, "--latency=0,20ms", "--bandwidth=1Gbit")
    assert done.code == 0, done.err
    assert "20ms 1000Mbit/s to the server" in done.out
    results = file.load(bench.out)
    direct, linked = Link(), Link(20_000_000, 0, 125e6)
    assert {run.case.link for run in results.runs} == {direct, linked}
    fastest = {
        link: min(min(r.samples.duration_ns) for r in results.runs if r.case.link == link)
        for link in (direct, linked)
    }
    assert fastest[linked] >= 20_000_000 > fastest[direct]
    (counts,) = results.probed_as(LinkCounts)
    assert counts.case.link == linked
    assert counts.round_trips > 0
    (measured,) = by_latency(select(results))
    assert [at.link for at in measured.links] == [direct, linked]
    with (bench.out / "summary.csv").open(newline="") as table:
        latencies = {row["latency_ns"] for row in csv.DictReader(table)}
    assert latencies == {"0", "20000000"}


def test_a_case_is_known_by_its_link() -> None:
    """Defect: cases over two networks had one key, and were read as one case."""
    case = Case("asyncpg", "mixed", link=Link(500_000))
    assert case.key != replace(case, link=Link()).key
    assert "link" not in replace(case, link=Link()).as_dict()
    assert Case.from_dict(case.as_dict()) == case


def test_a_backend_that_asks_no_server_has_no_network(bench: Bench) -> None:
    done = bench.measure("--backend=null", "--latency=1ms", "--no-verify")
    assert done.code == 2
    assert done.error[0].startswith("error: nothing to measure: null asks no server")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--latency=1", "'1' is no duration"),
        ("--latency=1ms,,2ms", "'' is no duration"),
        ("--latency=11s", "11s is too long"),
        ("--latency=0,50us", "below what the proxy can do"),
        ("--bandwidth=fast", "'fast' is no bandwidth"),
    ],
)
def test_another_form_is_refused(bench: Bench, option: str, words: str) -> None:
    done = bench.measure(*TWO, option)
    assert done.code == 2
    assert words in done.error[0]
    assert len(done.error) == 2


def test_jitter_belongs_to_latencies() -> None:
    assert links("0,2ms", "1ms", None) == (Link(), Link(2_000_000, 1_000_000))
    assert links(None, None, "8Mbit") == (Link(0, 0, 1e6),)
    assert links(None, None, None) == ()
    with pytest.raises(UsageError, match="--jitter"):
        links(None, "1ms", None)


def test_ctrl_c_leaves_no_proxy(bench: Bench) -> None:
    command = bench.start(
        "run", *ONE_CASE[:-2], f"--out={bench.out}", *TWO, "--latency=1ms", "--rounds=100000"
    )
    wait_until(lambda: len(bench.lines("run")) > 2)
    started = proxies(workers(command))
    assert started
    ctrl_c(command)
    assert finish(command).code == 130
    assert not psutil.wait_procs(started, timeout=LONGEST_S)[1]
    assert [end["outcome"] for end in bench.lines("end")] == ["interrupted"]


def test_a_proxy_that_is_killed_ends_the_run_with_its_name(bench: Bench) -> None:
    """Defect: every later case failed with its driver's own words for a closed connection."""
    command = bench.start(
        "run", *ONE_CASE[:-2], f"--out={bench.out}", *TWO, "--latency=1ms", "--rounds=100000"
    )
    wait_until(lambda: len(bench.lines("run")) > 2)
    (proxy,) = proxies(psutil.Process(command.pid).children())
    os.kill(proxy.pid, signal.SIGKILL)
    done = finish(command)
    assert done.code == 1
    assert "proxy between client and server has ended" in done.error[0]
    assert len(bench.lines("run")) > 2


def test_a_report_is_made_of_cases_that_were_only_counted(bench: Bench) -> None:
    """Defect: the page looked for a lone case that the run had not planned, and was not written."""
    done = bench.measure(*TWO, "--workload=mixed", "--concurrency=2")
    assert done.code == 0, done.err
    assert (bench.out / "report.html").exists(), done.err


def _over(latencies: dict[int, tuple[float, float]]) -> str:
    """Return the first sentence on two drivers with these throughputs at each latency in ms."""
    runs = []
    for ms, rates in latencies.items():
        for name, rate in zip(("psycopg2", "psycopg"), rates, strict=True):
            case = Case(name, synthetic.POINT, concurrency=8, link=Link(ms * 1_000_000))
            runs += [
                synthetic.constant_run(case, number, round(1e9 / rate) + number)
                for number in range(8)
            ]
    cases = list(dict.fromkeys(run.case for run in runs))
    results = Results(Path(), synthetic.header(cases, 8), runs)
    return next(findings(results, select(results))).sentence


def test_the_latency_from_which_the_choice_matters_little_is_told() -> None:
    """Defect: where no latency was enough, nothing said so."""
    tie = _over({0: (2_000, 1_000), 2: (400, 390), 10: (100, 99)})
    assert "from 2ms on they are within 10 % of each other in the median" in tie
    never = _over({0: (2_000, 1_000), 10: (100, 50)})
    assert "at none of these latencies are they within 10 % of each other" in never
