"""`bench run --rate` and `bench saturate`, from the command line to files and charts."""

import csv

import psutil

from bench.output import charts, report
from bench.results import file
from bench.studies.saturation.entries import Objective, Saturation
from tests.bench.command import LONGEST_S, Bench, ctrl_c, finish, wait_until, workers


def test_a_rate_is_a_factor(bench: Bench) -> None:
    done = bench.measure(
        "--backend=asyncpg", "--no-verify", "--concurrency=2", "--rounds=1",
        "--rate=500,1000", "--seconds=0.5", "--processes=1,2",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "1,000 arrivals/s" in done.out
    assert "service p99" in done.out
    results = file.load(bench.out)
    assert {run.case.rate for run in results.runs} == {500, 1000}
    assert all(run.arrived and run.samples.wait_ns for run in results.runs)
    arrived = {(run.case.rate, run.arrived.offered) for run in results.runs if run.arrived}
    assert len(arrived) == 2, "processes share the arrivals of the one"
    with (bench.out / "summary.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["twin"] == "False"]
    assert {row["load_model"] for row in rows} == {"open"}
    assert {row["processes"] for row in rows} == {"1", "2"}
    assert {row["rate_per_s"] for row in rows} == {"500", "1000"}
    # A busy machine may not hold a rate, which then has no latency.
    assert all(row["service_p50_ns"] for row in rows if row["rounds_held"] == "1")
    drawn = [path.name for path in charts.draw(results, bench.out)]
    assert "latency-by-rate-get_total_cost_of_an_order-2.png" in drawn
    assert "latency-by-rate-get_total_cost_of_an_order-2-in-2-processes.png" in drawn
    assert "Arrival rates" in report.render(bench.out / "report.html", [results])


def test_an_interrupted_search_shows_what_it_has(bench: Bench) -> None:
    """Defect: half an hour of windows was lost with Ctrl-C, because no answer was confirmed."""
    command = bench.start(
        "saturate", "--backend=psycopg2", "--scale=0.01", "--no-charts", f"--out={bench.out}",
        "--concurrency=2",
    )  # fmt: skip
    wait_until(lambda: len(bench.lines("run")) >= 3)
    started = workers(command)
    ctrl_c(command)
    done = finish(command)
    assert done.code == 130
    assert "not confirmed" in done.out
    assert "Every rate that was measured" in done.out
    assert [end["outcome"] for end in bench.lines("end")] == ["interrupted"]
    assert not psutil.wait_procs(started, timeout=LONGEST_S)[1]
    results = file.load(bench.out)
    assert [found.objective_ns for found in results.probed_as(Objective)] == [20_000_000]
    assert results.probed_as(Saturation) == []


def test_a_whole_search_has_an_answer(bench: Bench) -> None:
    done = bench(
        "saturate", "--backend=null", "--scale=0.01", f"--out={bench.out}", "--objective=500ms"
    )
    assert done.code == 0, done.err
    results = file.load(bench.out)
    (found,) = results.probed_as(Saturation)
    assert f"{found.case.rate:,}" in done.out
    assert "% sure" in done.out
    windows = [run for run in results.runs if run.case == found.case]
    assert len(windows) >= 6
    with (bench.out / "summary.csv").open(newline="") as table:
        rates = [row["highest_rate_per_s"] for row in csv.DictReader(table)]
    assert [float(rate) for rate in rates if rate] == [found.case.rate]
    assert "null" in (bench.out / "report.html").read_text()
