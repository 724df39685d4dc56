"""Each warning appears only with its symptom, and says what to type."""

from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.rounds import HEAD_NS, Round, durations_of, round_of
from bench.analysis.stationarity import beginning, drift, taken_by_others
from bench.analysis.summary import summarise
from bench.analysis.warnings import ResultWarning, result_warnings
from bench.model.case import Case
from bench.results.entries import Failure, Run
from bench.results.file import Results
from bench.results.header import Environment, Host
from bench.results.samples import Samples
from tests.bench import synthetic
from tests.bench.synthetic import constant_run

POINT = Case("asyncpg", synthetic.POINT)
OTHER = Case("psycopg2", synthetic.POINT, loop="none")
TWIN = replace(POINT, twin=True)
FACTORS = (1.0, 1.02, 0.98, 1.01, 0.99, 1.0)
MS = 1_000_000


def calm(*cases: Case, factors: tuple[float, ...] = FACTORS, **changes: Any) -> list[Run]:
    """Return operations of about a millisecond, of which the client's CPU takes a tenth."""
    made = []
    for case in cases or (POINT, OTHER, TWIN):
        for number, factor in enumerate(factors):
            run = constant_run(case, number, round(MS * factor))
            run = replace(
                run, client_cpu_ns=run.elapsed_ns // 10, server_cpu_ns=run.elapsed_ns // 5
            )
            made.append(replace(run, **changes))
    return made


def results(folder: Path, runs: list[Run], **changes: Any) -> Results:
    return Results(
        folder, synthetic.header(list(dict.fromkeys(run.case for run in runs)), **changes), runs
    )


def the_only(found: list[ResultWarning]) -> str:
    (caution,) = found
    return str(caution)


def test_a_quiet_run_needs_no_words(tmp_path: Path) -> None:
    assert result_warnings(results(tmp_path, calm())) == []
    assert result_warnings(Results(tmp_path, synthetic.header([]))) == []


def test_errors_come_first_with_the_case_to_repeat(tmp_path: Path) -> None:
    runs = calm(factors=FACTORS[:3])
    runs[0].samples.errors[3] = "UniqueViolation: twice"
    first, few = result_warnings(results(tmp_path, runs))
    assert first.symptom == "1 operations failed, in 1 of 3 cases"
    assert "UniqueViolation (asyncpg, " in first.cause
    assert first.cure.startswith(
        f"bench run --profile quick --backend asyncpg --workload {synthetic.POINT} --fetch buffered"
    )
    assert few.symptom.startswith("3 rounds")
    assert few.cure == "bench run --profile quick --rounds 6"


def test_the_streaming_experiment_is_not_told_to_take_options_it_has_not(tmp_path: Path) -> None:
    """Forbids "Try: bench run --profile streaming": that command has no such profile."""
    runs = [replace(run, case=replace(run.case, size=10)) for run in calm(factors=FACTORS[:3])]
    found = results(tmp_path, runs)
    found.header = replace(found.header, profile="streaming-quick")
    (few,) = result_warnings(found)
    assert few.cure == (
        "bench run --workload get_customers --fetch buffered --fetch batched:1000 --rounds 6"
    )
    runs[0].samples.errors[3] = "UniqueViolation: twice"
    found = results(tmp_path, runs)
    found.header = replace(found.header, profile="streaming-quick")
    assert result_warnings(found)[0].cure == "bench streaming --quick --backend asyncpg"


def test_runs_that_gave_nothing_are_errors(tmp_path: Path) -> None:
    found = results(tmp_path, calm())
    found.failures.append(Failure(OTHER, 0, "its process died"))
    assert "1 runs failed, in 1 of 3 cases" in the_only(result_warnings(found))


def test_a_noisy_machine_is_told_from_the_twin(tmp_path: Path) -> None:
    runs = calm(POINT, OTHER) + calm(TWIN, factors=(1.3, 1.0, 0.8, 1.2, 0.9, 1.25))
    text = the_only(result_warnings(results(tmp_path, runs)))
    assert "two equal cases differ by up to" in text
    assert "--rounds 12" in text


def test_a_load_before_the_start(tmp_path: Path) -> None:
    environment = Environment(host=Host(cores=2, load_1min=3.4))
    text = the_only(result_warnings(results(tmp_path, calm(), environment=environment)))
    assert "load average was 3.4 on 2 cores" in text


def test_others_on_the_machine_are_told_by_what_they_took(tmp_path: Path) -> None:
    """On two cores, half of one core is a quarter; the load before the run is not reported then."""
    runs = [replace(run, other_cpu_ns=run.elapsed_ns // 2) for run in calm()]
    environment = Environment(host=Host(cores=2, load_1min=3.4))
    found = results(tmp_path, runs, environment=environment)
    assert taken_by_others(found) == pytest.approx(0.25)
    assert "other programs used 25% of the machine's CPU" in the_only(result_warnings(found))
    quiet = [replace(run, other_cpu_ns=run.elapsed_ns // 20) for run in calm()]
    assert result_warnings(results(tmp_path, quiet, environment=environment)) == []
    assert taken_by_others(results(tmp_path, calm())) is None


def test_no_load_is_made_of_rounding(tmp_path: Path) -> None:
    """Defect: differences below 0 were cut off run by run: 5 % of load on a quiet machine."""
    step = 10 * MS
    runs = [
        replace(
            run,
            machine_cpu_ns=run.client_cpu_ns + (run.server_cpu_ns or 0) + error,
            other_cpu_ns=max(0, error),
        )
        for run, error in zip(calm(), [step, -step] * 9, strict=False)
    ]
    assert taken_by_others(results(tmp_path, runs)) == 0
    old = [replace(run, machine_cpu_ns=None) for run in runs]
    assert taken_by_others(results(tmp_path, old)) == pytest.approx(
        0.5 * step / (2 * 1000 * MS), rel=0.01
    )
    below = [replace(run, machine_cpu_ns=0) for run in runs]
    assert taken_by_others(results(tmp_path, below)) == 0


def queued(clients: int, each_ns: int, window_ns: int, **changes: Any) -> list[Run]:
    """Rounds in which the clients queue, and have one operation each."""
    samples = Samples(
        start_ns=array("q", [0] * clients),
        duration_ns=array("q", [each_ns * (place + 1) for place in range(clients)]),
        rows=array("q", [1] * clients),
        worker=array("q", range(clients)),
    )
    case, elapsed_ns = replace(POINT, concurrency=clients), each_ns * clients
    fields: dict[str, Any] = {
        "samples": samples,
        "elapsed_ns": elapsed_ns,
        "client_cpu_ns": elapsed_ns // 2,
        "fewest_operations": 1,
        "most_operations": 1,
    }
    return [constant_run(case, n, each_ns, window_ns, **fields | changes) for n in range(6)]


def test_an_uncertain_throughput_is_told_with_its_bounds(tmp_path: Path) -> None:
    """Defect: the throughput of operations longer than their window had no mark and no warning."""
    text = the_only(result_warnings(results(tmp_path, queued(8, 90 * MS, 50 * MS))))
    assert "throughput is uncertain (~) in 1 of 1 cases" in text
    assert "11.1 to 19.8 operations/s" in text
    assert "--seconds 3.6" in text


def test_more_than_a_core_is_impossible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defect: 15.2 operations/s were reported where CPU an operation allows 8.4."""
    runs = queued(8, 90 * MS, 50 * MS, client_cpu_ns=8 * 88 * MS)
    found = results(tmp_path, runs)
    assert not [w for w in result_warnings(found) if "more than one core" in w.symptom]
    (summary,) = summarise(found)
    rounds = tuple(replace(each, throughput_per_s=2.7 / 0.09) for each in summary.rounds)
    inflated = replace(summary, rounds=rounds)
    first, *_ = result_warnings(found, [inflated])
    assert "throughput x CPU/op is more than one core in 1 of 1 cases" in first.symptom
    assert "(2.64 cores)" in first.symptom
    assert "the throughput is too high" in first.cause
    free = replace(synthetic.ENVIRONMENT, gil=False)
    found = results(tmp_path, runs, environment=free)
    assert not [w for w in result_warnings(found, [inflated]) if "one core" in w.symptom]


def test_cpu_time_outside_of_operations_is_no_excess_of_throughput(tmp_path: Path) -> None:
    """Defect: threads that were woken in a window of 5 ms were called too high a throughput.

    So was CPU time after the last operation; and the medians of both factors were multiplied, which
    may be of different rounds.
    """
    busy = replace(POINT, concurrency=16)

    def of(cpu_ns: int) -> list[Run]:
        made = [constant_run(busy, number, MS // 10, 5 * MS) for number in range(6)]
        return [replace(run, client_cpu_ns=cpu_ns, elapsed_ns=cpu_ns) for run in made]

    woken = result_warnings(results(tmp_path / "woken", of(5 * MS + MS // 2)))
    assert not [w for w in woken if "one core" in w.symptom]
    after = result_warnings(results(tmp_path / "after", of(7 * MS)))
    (told,) = [w for w in after if "one core" in w.symptom]
    assert "the CPU time is too high" in told.cause


def test_clients_that_served_nothing_are_told(tmp_path: Path) -> None:
    """Defect: with 1,000 clients some served nothing in a round, and no warning said so."""
    busy = replace(POINT, concurrency=1_000)
    runs = calm(busy, fewest_operations=0, most_operations=1, connections=1_000)
    text = the_only(result_warnings(results(tmp_path, runs)))
    assert "some tasks or threads served nothing in 1 of 1 cases" in text
    assert "0 operations of one, 1 of another, in 6 of 6 rounds" in text


def test_a_drift_is_told_with_its_size(tmp_path: Path) -> None:
    slower = (1.0, 1.05, 1.1, 1.16, 1.2, 1.25)
    runs = [run for case in (POINT, OTHER, TWIN) for run in calm(case, factors=slower)]
    text = the_only(result_warnings(results(tmp_path, runs)))
    assert "slower from round to round: throughput of the last is 80% of the first's" in text
    assert "--rounds 12" in text


@given(st.permutations(range(8)), st.floats(0.5, 2))
def test_a_drift_is_of_the_order_alone(order: list[int], speed: float) -> None:
    """Equal factors for all cases keep the drift; the reverse order of rounds inverts it."""

    def of(factors: list[float]) -> float:
        runs = [run for case in (POINT, OTHER) for run in calm(case, factors=tuple(factors))]
        found = drift(summarise(results(Path(), runs)))
        assert found is not None
        return found.ratio

    factors = [speed * (1 + place / 10) for place in order]
    assert of(factors) == pytest.approx(1 / of(factors[::-1]), rel=1e-3)
    assert of(factors) == pytest.approx(of([1 + place / 10 for place in order]), rel=1e-3)


def test_the_probability_of_a_drift_is_asked_for_only_if_it_is_large(tmp_path: Path) -> None:
    """Defect: every command imported scipy.stats, for half a second, to say nothing."""
    steady = drift(summarise(results(tmp_path, calm(factors=(1.0,) * 6))))
    assert steady is not None
    assert "p_value" not in vars(steady)
    assert steady.p_value == 1.0
    rising = drift(summarise(results(tmp_path, calm(factors=(1.0, 1.1, 1.2, 1.3, 1.4, 1.5)))))
    assert rising is not None
    assert rising.p_value == pytest.approx(2 / 720)


def test_few_rounds_have_no_drift(tmp_path: Path) -> None:
    assert drift(summarise(results(tmp_path, calm(factors=FACTORS[:5])))) is None


def figures(run: Run) -> Round:
    return round_of(run, lambda: durations_of([run]))


def begun_cold(number: int, first_ns: int, window_ns: int) -> Run:
    """Return a run with operations of a millisecond, except at the start of the round."""
    head_ns = min(HEAD_NS, window_ns // 2)
    starts, took, clock = array("q"), array("q"), 0
    while clock < window_ns:
        starts.append(clock)
        took.append(first_ns if clock < head_ns else MS)
        clock += took[-1]
    ones = array("q", [1] * len(starts))
    samples = Samples(starts, took, array("q"), ones, ones)
    run = constant_run(POINT, number, MS, window_ns)
    return replace(run, samples=samples, elapsed_ns=clock, client_cpu_ns=clock // 10)


@pytest.mark.parametrize("window_ns", [100 * MS, 3000 * MS])
def test_a_cold_start_is_found_in_the_first_second_or_half(tmp_path: Path, window_ns: int) -> None:
    runs = [begun_cold(number, 2 * MS, window_ns) for number in range(6)]
    found = beginning([figures(run) for run in runs])
    assert found is not None
    assert found.median == pytest.approx(0.5, abs=0.02)
    text = the_only(result_warnings(results(tmp_path, runs, warm_up_s=0.05)))
    assert "rounds begin slower than they go on with asyncpg" in text
    assert "bench run --profile quick --warm-up 0.2" in text


@given(st.integers(MS // 20, 25 * MS))
def test_a_steady_round_begins_as_it_goes_on(duration_ns: int) -> None:
    found = beginning([figures(constant_run(POINT, 0, duration_ns, 100 * MS))])
    assert found is not None
    assert found.median == pytest.approx(1)


def test_a_round_of_few_operations_says_nothing_of_its_start() -> None:
    assert beginning([figures(constant_run(POINT, 0, 60 * MS, 100 * MS))]) is None


def test_a_pool_smaller_than_the_concurrency(tmp_path: Path) -> None:
    busy = replace(POINT, concurrency=16)
    text = the_only(result_warnings(results(tmp_path, calm(busy, connections=15))))
    assert "15 connections for 16 tasks or threads" in text
    assert result_warnings(results(tmp_path, calm(busy, connections=16))) == []
    assert result_warnings(results(tmp_path, calm(busy, connections=None))) == []


def test_a_machine_that_is_full(tmp_path: Path) -> None:
    runs = [
        replace(run, client_cpu_ns=run.elapsed_ns // 2, server_cpu_ns=round(run.elapsed_ns * 1.45))
        for run in calm()
    ]
    text = the_only(result_warnings(results(tmp_path, runs)))
    assert "client and server together used all 2 cores in 3 of 3 cases" in text


def test_an_interpreter_that_is_full_is_the_gils_limit(tmp_path: Path) -> None:
    runs = [replace(run, client_cpu_ns=run.elapsed_ns) for run in calm()]
    text = the_only(result_warnings(results(tmp_path, runs)))
    assert "the GIL is the limit there, not the database" in text
    free = replace(synthetic.ENVIRONMENT, gil=False)
    assert result_warnings(results(tmp_path, runs, environment=free)) == []


def test_a_busy_null_backend_has_no_warning(tmp_path: Path) -> None:
    """Defect: a warning about the CPU of the null backend, which never waits for a server."""
    floor = Case("null", synthetic.POINT, loop="none")
    runs = [replace(run, client_cpu_ns=run.elapsed_ns) for run in calm(floor)]
    assert result_warnings(results(tmp_path, runs + calm())) == []
