"""The figures of a rate: responses and their parts, and rates that are not held."""

from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.analysis.noise_floor import noise_floor
from bench.analysis.open_loop import open_round
from bench.analysis.selection import select
from bench.analysis.summary import of_case, summarise
from bench.analysis.warnings import result_warnings
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.output.terminal import table
from bench.results.entries import Arrived, Run
from bench.results.file import Recorder, Results, load
from bench.results.merged_samples import merged
from bench.results.samples import Samples
from bench.studies.audit import arrivals as claims
from tests.bench import synthetic

CASE = Case("asyncpg", POINT_READ, concurrency=2, rate=100)
WINDOW_NS = 10**9
MS = 10**6


def run_of(
    operations: list[tuple[int, int, int, int]],
    *,
    unserved: int = 0,
    carried: int = 0,
    case: Case = CASE,
    number: int = 0,
) -> Run:
    """Return a run. `operations`: intended start, wait, lateness and service time, in ms."""
    samples = Samples(
        array("q", [(due + wait + late) * MS for due, wait, late, _ in operations]),
        array("q", [service * MS for *_, service in operations]),
        rows=array("q", [1] * len(operations)),
        worker=array("q", [0] * len(operations)),
        wait_ns=array("q", [wait * MS for _, wait, _, _ in operations]),
        late_ns=array("q", [late * MS for _, _, late, _ in operations]),
    )
    arrived = Arrived(len(operations) + unserved, unserved, carried)
    return Run(
        case, number, "", WINDOW_NS, samples, MS, None, WINDOW_NS, None, None, 0, 0, arrived=arrived
    )


STEADY = [(10 * n, 0, 1, 4) for n in range(100)]
GROWING = [(10 * n, 2 * n, 0, 4) for n in range(100)] + [(999, 900, 0, 4)] * 20


def test_a_response_is_from_the_intended_start() -> None:
    """Defect: coordinated omission: the wait behind a slow operation was in no latency."""
    summary = of_case(CASE, [run_of([*STEADY, (500, 300, 0, 4)])], [], [])
    assert summary.latency_ns["p50"].median == 5 * MS
    assert summary.latency_ns["max"].median == 304 * MS
    assert summary.open is not None
    assert summary.open.service_ns["max"].median == 4 * MS
    assert summary.open.wait_ns["max"].median == 300 * MS
    assert summary.open.late_ns["max"].median == 1 * MS


def test_lateness_is_of_each_process() -> None:
    """Defect: a process that begins everything late is hidden by others that are in time."""
    case = replace(CASE, processes=2)
    early = run_of([(n, 0, 0, 4) for n in range(900)] * 15)
    late = run_of([(5, 0, 3, 4), (6, 9, 9, 4)] * 100)
    samples = late.samples.pieces()
    together = merged([early.samples, *samples], [0, 1])
    run = replace(late, case=case, samples=together)
    figures = open_round(run)
    assert figures is not None
    assert figures.late_p99_ns_of_processes == (0, 3 * MS)
    assert figures.late_ns["p99"] == 0
    assert open_round(run_of(STEADY)).late_p99_ns_of_processes == ()  # type: ignore[union-attr]
    header = synthetic.header([case], 1)
    symptoms = [w.symptom for w in result_warnings(Results(Path(), header, [run]))]
    assert any("in process 2 of asyncpg" in symptom for symptom in symptoms)


def test_operations_are_counted_where_they_ended() -> None:
    """Defect: operations that were in flight at the deadline, or came from the lead-in, were lost
    from one side only, so that a rate that is held seemed too low."""
    figures = open_round(run_of(STEADY, carried=1))
    assert figures is not None
    assert figures.offered_per_s == 100
    assert figures.completed_per_s == 101


def test_a_backlog_that_grows_is_not_held_and_has_no_latency() -> None:
    """Defect: a latency under overload is a figure of the window's length, and was averaged."""
    runs = [run_of(STEADY), run_of(GROWING, number=1)]
    summary = of_case(CASE, runs, [], [])
    assert summary.open is not None
    assert (summary.open.held, summary.open.rounds) == (1, 2)
    assert not summary.held
    assert summary.latency_ns == summary.pooled_latency_ns == {}
    assert summary.open.service_ns == {}
    assert summary.throughput_per_s is not None


def test_operations_that_never_began_are_not_held() -> None:
    """Defect: clients that gave up at the end of the grace seemed to have kept up."""
    figures = open_round(run_of(STEADY, unserved=1))
    assert figures is not None
    assert not figures.held


def test_a_long_queue_that_shrinks_is_held() -> None:
    """Defect: a queue near the limit is long at times: that is no overload."""
    shrinking = [(10 * n, 300 - 2 * n, 0, 4) for n in range(90)] + [(990, 100, 0, 4)] * 10
    figures = open_round(run_of(shrinking))
    assert figures is not None
    assert figures.held


def test_simulated_waits_are_those_of_queueing_theory() -> None:
    """Defect: a schedule or an order of service that is not that of the queue it claims to be."""
    for queue in claims.QUEUES:
        simulated = claims.simulated_wait_s(*queue, seconds=150.0)
        assert simulated == pytest.approx(claims.theory_s(*queue), rel=claims.CLOSE), queue


@pytest.mark.parametrize("load", [0.3, 0.5, 0.8, 0.9])
@pytest.mark.parametrize("servers", [("M/M/1", 1), ("M/M/2", 2), ("M/M/8", 8), ("M/D/1", 1)])
def test_simulated_waits_at_other_loads(servers: tuple[str, int], load: float) -> None:
    """Defect: arrivals make waits of theory at 70 % of the capacity, and at no other load."""
    # So few operations wait here that 400 s gave 5.7 % too much; 1,200 s gave 0.9 %.
    seconds = 1200.0 if servers[1] == 8 and load == 0.3 else claims.SIMULATED_S
    simulated = claims.simulated_wait_s(*servers, load, seconds=seconds)
    assert simulated == pytest.approx(claims.theory_s(*servers, load), rel=claims.CLOSE)


def test_rates_below_the_capacity_are_held_and_others_are_not() -> None:
    """Defect: with one rule alone, one of four windows at 90 % of the capacity was not held."""
    assert claims.share_held(0.8, windows=40) == 1
    assert claims.share_held(1.2, windows=40) == 0


def test_a_rate_is_beside_no_closed_loop() -> None:
    """Defect: a throughput that the schedule fixes seemed to be that of a slow backend."""
    twin = replace(CASE, twin=True)
    runs = [run_of(STEADY), run_of(STEADY, case=twin)]
    results = Results(Path(), synthetic.header([CASE, twin]), runs)
    selection = select(results)
    assert [summary.case for summary in selection.at_rate] == [CASE]
    assert CASE not in [summary.case for summary in selection.summaries]
    assert noise_floor(summarise(results)) is None


def test_the_file_keeps_the_parts_of_a_response(tmp_path: Path) -> None:
    """Defect: a file without waits gives service times as responses when it is drawn again."""
    recorder = Recorder(tmp_path / "out")
    recorder.header(synthetic.header([CASE]))
    recorder.add(run_of([*STEADY, (500, 300, 2, 4)], carried=3))
    recorder.close()
    (run,) = load(tmp_path / "out").runs
    assert run.arrived == Arrived(101, 0, 3)
    assert of_case(CASE, [run], [], []).pooled_latency_ns["max"] == 306 * MS


def test_a_rate_that_a_search_found_is_in_the_summary(tmp_path: Path) -> None:
    """Defect: the plan has the closed loops only, so that the table of a search was empty."""
    recorder = Recorder(tmp_path / "out")
    recorder.header(synthetic.header([replace(CASE, rate=None)]))
    recorder.add(run_of(STEADY))
    recorder.close()
    assert [summary.case for summary in summarise(load(tmp_path / "out"))] == [CASE]


def test_warnings_name_what_was_not_held_and_what_was_late() -> None:
    """Defect: a generator that is late was charged to the backend without a word."""
    late = [(10 * n, 0, 3, 4) for n in range(100)]
    runs = [run_of(GROWING), run_of(late, case=replace(CASE, rate=50))]
    results = Results(Path(), synthetic.header([CASE, replace(CASE, rate=50)]), runs)
    symptoms = " ".join(warning.symptom for warning in result_warnings(results))
    assert "the rate was not held in 1 of 2 cases" in symptoms
    assert "3.00 ms or more after their time" in symptoms


def test_the_table_shows_the_parts_and_marks_what_was_not_held() -> None:
    """Defect: a rate that was not held had a latency in the table."""
    runs = [run_of(STEADY), run_of(GROWING, case=replace(CASE, backend="psycopg"))]
    plan = [CASE, replace(CASE, backend="psycopg")]
    shown = Console(width=100)
    with shown.capture() as captured:
        shown.print(table.render(Results(Path(), synthetic.header(plan), runs)))
    text = captured.get()
    assert "100 arrivals/s" in text
    assert "service p99" in text
    (row,) = [line for line in text.splitlines() if line.startswith("psycopg")]
    assert "0 of 1" in row
    assert row.count("-") >= 5
    assert "Open loop" in text
    assert "Closed loop" not in text
