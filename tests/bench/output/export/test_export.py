"""`bench export`: the programs that it writes files for can read them."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.analysis import summary
from bench.cli.main import cli
from bench.results.file import Recorder, Results, load
from tests.bench import synthetic
from tests.bench.synthetic import POINT

LATE = "TimeoutError: late"
BACKENDS = ["psycopg2", "asyncpg", "orm+asyncpg"]


@pytest.fixture
def run(tmp_path: Path) -> Results:
    """Synthetic results in a file. An operation of the first run failed."""
    results = synthetic.results(tmp_path / "run", synthetic.quick_plan(BACKENDS))
    results.runs[0].samples.errors[1] = LATE
    recorder = Recorder(results.folder)
    recorder.header(results.header)
    for entry in (*results.memory, *results.runs):
        recorder.add(entry)
    recorder.end("complete")
    recorder.close()
    return load(results.folder)


def export(run: Results, *options: str) -> Result:
    return CliRunner().invoke(cli, ["export", str(run.folder), *options])


def exported(run: Results, *options: str) -> Path:
    done = export(run, *options)
    assert done.exit_code == 0, done.output
    return Path(done.output.strip())


def program(name: str, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name(name), *arguments],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_pytest_benchmark_compares_two_runs_and_draws_histograms(
    run: Results, tmp_path: Path
) -> None:
    for name in ("before", "after"):
        exported(run, "--format=pytest-benchmark", f"--out={tmp_path / name}.json")
    files = ("before.json", "after.json")
    said = program("pytest-benchmark", "compare", *files, "--histogram=drawn", cwd=tmp_path)
    assert "Failed to load" not in said
    assert f"{POINT}[asyncpg, at 16] (before)" in said
    assert f"{POINT}[asyncpg, at 16] (after)" in said
    # The groups are those of our own table: the backends of a group are side by side.
    assert f"benchmark '{POINT}, at 16': 6 tests" in said
    groups = {
        benchmark["group"]
        for benchmark in json.loads((tmp_path / "before.json").read_text())["benchmarks"]
    }
    assert len(list(tmp_path.glob("drawn-*.svg"))) == len(groups)


def test_a_suite_of_pytest_benchmark_is_compared_with_a_run(run: Results, tmp_path: Path) -> None:
    file = exported(run, "--format=pytest-benchmark")
    document = json.loads(file.read_text())
    document["benchmarks"] = [document["benchmarks"][0] | {"fullname": "test_own.py::test_own"}]
    file.write_text(json.dumps(document))
    (tmp_path / "test_own.py").write_text("def test_own(benchmark):\n    benchmark(sum, [1, 2])\n")
    options = (
        "--benchmark-max-time=0.01",
        f"--benchmark-compare={file}",
        "--benchmark-histogram=d",
    )
    said = program("pytest", *options, "test_own.py", cwd=tmp_path)
    assert f"Comparing against benchmarks from: {file}" in said
    assert "(NOW)" in said
    assert len(list(tmp_path.glob("d*.svg"))) == 1


def test_its_operations_a_second_are_ours(run: Results) -> None:
    document = json.loads(exported(run, "--format=pytest-benchmark").read_text())
    by_key = {benchmark["fullname"]: benchmark for benchmark in document["benchmarks"]}
    for of_case in summary.summarise(run):
        benchmark = by_key[of_case.case.key]
        ours = [1 / figures.throughput_per_s for figures in of_case.rounds]
        assert benchmark["stats"]["data"] == pytest.approx(ours)
        assert benchmark["stats"]["rounds"] == len(of_case.rounds)
        assert of_case.throughput_per_s
        assert 1 / benchmark["stats"]["median"] == pytest.approx(of_case.throughput_per_s.median)
        assert benchmark["extra_info"]["operations"] == of_case.operations
    assert document["machine_info"]["node"] == ""


def test_a_case_is_a_row_as_in_summary_csv(run: Results, tmp_path: Path) -> None:
    from bench.output.export.summary_csv import write_csv

    write_csv(run, tmp_path / "summary.csv")
    file = exported(run, "--format=csv")
    assert file == run.folder / "cases.csv"
    assert file.read_text() == (tmp_path / "summary.csv").read_text().replace("\r\n", "\n")


def test_a_round_is_a_row(run: Results) -> None:
    with exported(run, "--format=csv", "--table=rounds").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(run.runs)
    first = run.runs[0]
    succeeded = len(first.samples) - 1
    (row,) = (r for r in rows if (r["key"], r["round"]) == (first.case.key, str(first.round)))
    assert (int(row["operations"]), int(row["errors"])) == (succeeded, 1)
    assert int(row["latency_max_ns"]) in first.samples.duration_ns


def test_a_sample_is_a_row_in_both_formats(run: Results) -> None:
    from pyarrow import parquet

    with exported(run, "--format=csv", "--table=samples").open() as file:
        text = list(csv.DictReader(file))
    table = parquet.read_table(exported(run, "--format=parquet", "--table=samples"))
    assert table.num_rows == len(text) == sum(len(entry.samples) for entry in run.runs)
    assert table.column_names == list(text[0])
    for name in ("start_ns", "duration_ns", "rows", "worker", "round"):
        assert str(table.schema.field(name).type) == "int64"
        assert table[name].to_pylist() == [int(row[name]) for row in text]
    waits = [int(row["first_row_ns"]) if row["first_row_ns"] else None for row in text]
    assert table["first_row_ns"].to_pylist() == waits
    assert None in waits
    assert any(wait is not None for wait in waits)
    assert table["error"].to_pylist() == [row["error"] or None for row in text]
    assert table["error"].to_pylist().count(LATE) == 1


@pytest.mark.parametrize("table", ["cases", "rounds"])
def test_parquet_holds_what_csv_holds(run: Results, table: str) -> None:
    import pandas

    text = pandas.read_csv(exported(run, "--format=csv", f"--table={table}"))
    binary = pandas.read_parquet(exported(run, "--format=parquet", f"--table={table}"))
    assert list(text.columns) == list(binary.columns)
    assert text["throughput_per_s"].tolist() == pytest.approx(binary["throughput_per_s"].tolist())


def test_parquet_without_pyarrow_says_what_to_install(
    run: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = export(run, "--format=parquet")
    assert "pip install 'gatherbench[parquet]'" in str(done.exception)
    assert not (run.folder / "cases.parquet").exists()


def test_what_is_there_is_not_overwritten(run: Results, tmp_path: Path) -> None:
    kept = tmp_path / "mine.csv"
    kept.write_text("mine")
    done = export(run, "--format=csv", f"--out={kept}")
    assert "exists already and was not changed" in str(done.exception)
    assert kept.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(run: Results, tmp_path: Path) -> None:
    done = export(run, "--format=csv", f"--out={tmp_path / 'no' / 'where.csv'}")
    assert "cannot write" in str(done.exception)
    assert "No such file" in str(done.exception)
