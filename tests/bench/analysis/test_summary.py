"""The figures of runs, and the table of figures that pandas and a spreadsheet open."""

from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.figure import FIGURES
from bench.analysis.summary import summarise
from bench.analysis.verdict import compare
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.output.export.summary_csv import read_throughput, write_csv
from bench.results.entries import Failure, Memory
from bench.results.file import Results
from bench.results.samples import Samples
from tests.bench import synthetic

POINT = Case("asyncpg", synthetic.POINT, concurrency=4)
OTHER = Case("psycopg2", synthetic.POINT, concurrency=4)
STREAMED = Case("asyncpg", synthetic.MANY, Fetch("streamed"))


def results_of(folder: Path, *entries: object, plan: list[Case] | None = None) -> Results:
    runs = [entry for entry in entries if not isinstance(entry, Memory)]
    memory = [entry for entry in entries if isinstance(entry, Memory)]
    cases = list(dict.fromkeys(entry.case for entry in [*runs, *memory]))
    return Results(folder, synthetic.header(plan or cases), runs, memory)


def test_figures_of_a_case_are_medians_over_its_rounds(tmp_path: Path) -> None:
    results = results_of(
        tmp_path,
        synthetic.constant_run(POINT, 1, 2_000_000),
        synthetic.constant_run(POINT, 2, 4_000_000),
        synthetic.constant_run(POINT, 3, 5_000_000),
    )
    (summary,) = summarise(results)
    assert summary.operations == 500 + 250 + 200
    assert summary.throughput_per_s is not None
    assert summary.throughput_per_s.median == pytest.approx(250)
    assert (summary.throughput_per_s.low, summary.throughput_per_s.high) == pytest.approx(
        (200, 500)
    )
    assert summary.latency_ns["p99"].median == 4_000_000
    assert summary.pooled_latency_ns["p50"] == 2_000_000
    assert summary.pooled_latency_ns["max"] == 5_000_000
    assert summary.client_cpu_ns is not None
    assert summary.client_cpu_ns.median == 1_000
    assert summary.server_cpu_ns is None
    assert summary.loop_stall_max_ns is None
    assert summary.peak_memory_bytes is None


def test_work_past_the_deadline_counts_by_its_share(tmp_path: Path) -> None:
    (summary,) = summarise(
        results_of(tmp_path, synthetic.constant_run(POINT, 1, 3_000, window_ns=10_000))
    )
    assert summary.throughput_per_s is not None
    assert summary.throughput_per_s.median * 10_000 / 1e9 == pytest.approx(10 / 3)
    assert summary.operations == 4


@pytest.mark.parametrize(
    ("operations", "shown", "with_interval"),
    [(8, False, False), (60, True, False), (250, True, True)],
)
def test_a_p99_is_that_of_all_rounds_if_rounds_are_short(
    tmp_path: Path, operations: int, shown: bool, with_interval: bool
) -> None:
    """Defect: the p99 of rounds of 12 samples was shown, ranked and judged."""
    runs = [
        synthetic.constant_run(POINT, number, 1_000_000, operations * 1_000_000)
        for number in range(6)
    ]
    (summary,) = summarise(results_of(tmp_path, *runs))
    assert ("p99" in summary.latency_ns) is shown
    assert ("p99" in summary.pooled_latency_ns) is shown
    if shown:
        assert (summary.latency_ns["p99"].low is not None) is with_interval
    assert bool(summary.by_round(FIGURES["p99"])) is with_interval
    verdict = compare(summary, summary, FIGURES["p99"])
    assert verdict.word == ("indistinguishable" if with_interval else "undecided")


def test_a_throughput_from_too_short_a_window_is_marked(tmp_path: Path) -> None:
    """Defect: eight clients of one queue had 2.7 times their throughput, and no mark."""
    samples = Samples(
        start_ns=array("q", [0] * 8),
        duration_ns=array("q", [90_000_000 * (place + 1) for place in range(8)]),
        rows=array("q", [1] * 8),
        worker=array("q", range(8)),
    )
    case = replace(POINT, concurrency=8)
    run = synthetic.constant_run(
        case, 1, 90_000_000, window_ns=50_000_000, elapsed_ns=1, samples=samples
    )
    (summary,) = summarise(results_of(tmp_path, run))
    assert summary.throughput_per_s is not None
    assert summary.throughput_per_s.median == pytest.approx(1 / 0.09)
    assert not summary.throughput_certain
    assert summary.throughput_bounds_per_s == pytest.approx((1 / 0.09, 16 / 9 / 0.09))
    (steady,) = summarise(results_of(tmp_path, synthetic.constant_run(POINT, 1, 1_000_000)))
    assert steady.throughput_certain


def test_failed_operations_are_counted_and_nothing_else(tmp_path: Path) -> None:
    samples = Samples(
        start_ns=array("q", [0, 100, 200, 300]),
        duration_ns=array("q", [100, 1, 100, 1]),
        rows=array("q", [1, 0, 1, 0]),
        worker=array("q", [0] * 4),
        errors={1: "TimeoutError: too late", 3: "UniqueViolation: twice"},
    )
    run = synthetic.constant_run(POINT, 1, 1_000, window_ns=400, samples=samples)
    (summary,) = summarise(results_of(tmp_path, run))
    assert (summary.operations, summary.failed) == (2, 2)
    assert summary.errors == {"TimeoutError": 1, "UniqueViolation": 1}
    assert summary.latency_ns["p50"].median == 100
    assert summary.throughput_per_s is not None
    assert summary.throughput_per_s.median == pytest.approx(2 * 1e9 / 400)


def test_a_round_in_which_all_failed_has_no_latency(tmp_path: Path) -> None:
    samples = Samples(
        start_ns=array("q", [0]),
        duration_ns=array("q", [1]),
        rows=array("q", [0]),
        worker=array("q", [0]),
        errors={0: "OperationalError"},
    )
    (summary,) = summarise(
        results_of(tmp_path, synthetic.constant_run(POINT, 1, 1_000, samples=samples))
    )
    assert summary.latency_ns == {}
    assert summary.client_cpu_ns is None
    assert summary.throughput_per_s is not None
    assert summary.throughput_per_s.median == 0


def test_the_first_row_is_that_of_streamed_operations_with_rows(tmp_path: Path) -> None:
    run = synthetic.constant_run(STREAMED, 1, 500_000_000)
    run.samples.first_row_ns.extend([7_000, 0])
    buffered = synthetic.constant_run(Case("asyncpg", synthetic.MANY), 1, 500_000_000)
    first, second = summarise(results_of(tmp_path, run, buffered))
    assert first.first_row_p50_ns is not None
    assert first.first_row_p50_ns.median == 7_000
    assert first.usable_after_ns == first.first_row_p50_ns
    assert second.first_row_p50_ns is None
    assert second.usable_after_ns == second.latency_ns["p50"]


def test_fairness_is_that_of_the_least_fair_round(tmp_path: Path) -> None:
    runs = [
        synthetic.constant_run(POINT, number, 1_000_000, fewest_operations=f, most_operations=m)
        for number, f, m in ((1, 90, 100), (2, 10, 40), (3, 5, 6))
    ]
    (summary,) = summarise(results_of(tmp_path, *runs))
    assert (summary.fewest_operations, summary.most_operations) == (10, 40)


def test_a_case_with_memory_alone_is_a_summary(tmp_path: Path) -> None:
    (summary,) = summarise(results_of(tmp_path, Memory(STREAMED, 4_096, 10)))
    assert (summary.peak_memory_bytes, summary.memory_rows) == (4_096, 10)
    assert summary.throughput_per_s is None


def test_summaries_come_in_the_order_of_the_plan(tmp_path: Path) -> None:
    runs = [synthetic.constant_run(case, 1, 1_000_000) for case in (POINT, OTHER)]
    results = results_of(tmp_path, *runs, plan=[OTHER, STREAMED, POINT])
    assert [summary.case for summary in summarise(results)] == [OTHER, POINT]


def test_the_csv_loads_in_pandas_with_every_factor_and_no_nested_value(tmp_path: Path) -> None:
    import pandas

    results = synthetic.results(tmp_path)
    write_csv(results, tmp_path / "summary.csv")
    frame = pandas.read_csv(tmp_path / "summary.csv")
    assert len(frame) == len(results.cases)
    assert set(Case("asyncpg", "mixed").as_dict()) <= set(frame.columns)
    assert set(frame["load_model"]) == {"closed"}
    assert (frame["throughput_per_s_low"] <= frame["throughput_per_s"]).all()
    assert (frame["throughput_per_s"] <= frame["throughput_per_s_high"]).all()
    assert {"latency_p99_9_ns", "pooled_latency_p99_ns", "peak_memory_bytes"} <= set(frame.columns)
    assert frame[frame["fetch"] == "batched:1000"]["peak_memory_bytes"].notna().all()
    assert not frame.map(lambda value: isinstance(value, str) and value[:1] in "{[(").any().any()
    assert set(frame["layer"]) == {"driver", "core", "orm", "null (floor)"}
    assert frame["backend"].notna().all()
    assert list(frame["key"]) == [case.key for case in results.cases]


def test_the_csv_of_nothing_is_a_header_alone(tmp_path: Path) -> None:
    import pandas

    write_csv(Results(tmp_path, synthetic.header([])), tmp_path / "summary.csv")
    frame = pandas.read_csv(tmp_path / "summary.csv")
    assert "backend" in frame.columns
    assert frame.empty


def test_a_case_of_which_every_round_failed_is_still_there(tmp_path: Path) -> None:
    import pandas

    results = results_of(tmp_path, synthetic.constant_run(POINT, 1, 1_000_000), plan=[OTHER, POINT])
    results.failures += [Failure(OTHER, number, "the server is gone") for number in (1, 2)]
    failed, good = summarise(results)
    assert failed.case == OTHER
    assert failed.failures == ("the server is gone",) * 2
    assert (failed.marked, good.marked) == (True, False)
    write_csv(results, tmp_path / "summary.csv")
    assert list(pandas.read_csv(tmp_path / "summary.csv")["failed_runs"]) == [2, 0]


@pytest.mark.parametrize(
    "row",
    [
        "k,nan,1,2",
        "k,inf,1,2",
        "k,-1,1,2",
        "k,1e400,1,2",
        "k,,,",
        "k,x,1,2",
        "k",
        "k,1,2,3,4,5",
        '"k',
        "\x00,1,2",
    ],
)
def test_of_a_summary_only_numbers_are_read(tmp_path: Path, row: str) -> None:
    """Forbids NaN, infinities and tracebacks in the index, for a summary.csv that was edited."""
    columns = "key,throughput_per_s,throughput_per_s_low,throughput_per_s_high\n"
    path = tmp_path / "summary.csv"
    path.write_text(f"{columns}well,12345.6,1,2e4\n{row}\n")
    read = read_throughput(path)
    assert read.pop("well") == [12350.0, 1.0, 20000.0]
    assert read in ({}, {"k": [1.0, 2.0, 3.0]})
    path.write_bytes(b"\xff\xfe")
    assert read_throughput(path) == {}
    path.write_text("key," + "x" * 200_000)
    assert read_throughput(path) == {}
    assert read_throughput(tmp_path) == {}
