"""A run as tables for other programs: a row a case, a round or a sample; as CSV or Parquet."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.analysis import stats
from bench.analysis.summary import Summary, summarise
from bench.model.errors import BenchError
from bench.output.export import csv_file, summary_csv
from bench.results.entries import Run
from bench.results.file import Results
from bench.system.output_files import replacing

Columns = Mapping[str, Sequence[Any]]
"""A part of a table: name -> values, all of one length. All parts have the same names."""


def of_cases(results: Results) -> Iterator[Columns]:
    """As summary.csv has it."""
    yield _columns(summary_csv.rows(results))


def of_rounds(results: Results) -> Iterator[Columns]:
    """A row a case and round, with the round's own figures."""
    yield _columns([row for summary in summarise(results) for row in _rounds(summary)])


def of_samples(results: Results) -> Iterator[Columns]:
    """A row an operation, a part a run; first_row_ns is empty where nothing was streamed."""
    for run in results.runs:
        yield _samples(run)


TABLES: Mapping[str, Callable[[Results], Iterator[Columns]]] = {
    "cases": of_cases,
    "rounds": of_rounds,
    "samples": of_samples,
}


def write_csv(parts: Iterable[Columns], path: Path) -> None:
    """Raises `OSError` where it can't."""
    with csv_file.replacing(path) as write:
        for number, part in enumerate(parts):
            if number == 0:
                write([list(part)])
            write(zip(*part.values(), strict=True))


def write_parquet(parts: Iterable[Columns], path: Path) -> None:
    """Raises `OSError` where it can't, `BenchError` without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise BenchError(
            "Parquet needs pyarrow, which is not installed.\n"
            "pip install 'gatherbench[parquet]', or choose --format csv."
        ) from None
    tables = [pyarrow.table(_typed(part)) for part in parts]
    with replacing(path) as file:
        parquet.write_table(pyarrow.concat_tables(tables, promote_options="default"), file)


def _typed(part: Columns) -> dict[str, Any]:
    """Whole columns as they lie in memory, not a number at a time."""
    import numpy as np

    return {
        name: np.frombuffer(values, dtype=np.int64) if isinstance(values, array) else values
        for name, values in part.items()
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> Columns:
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _rounds(summary: Summary) -> Iterator[dict[str, Any]]:
    for each in summary.rounds:
        yield {
            "key": summary.case.key,
            "round": each.number,
            "operations": each.operations,
            "errors": sum(each.errors.values()),
            "throughput_per_s": each.throughput_per_s,
            "rows_per_s": each.rows_per_s,
            **{
                summary_csv.latency_column(quantile): each.latency_ns.get(quantile)
                for quantile in stats.QUANTILES
            },
            "first_row_p50_ns": each.first_row_p50_ns,
            "client_cpu_ns_per_operation": each.client_cpu_ns,
            "server_cpu_ns_per_operation": each.server_cpu_ns,
            "gc_ns_per_operation": each.gc_ns,
            "loop_stall_max_ns": each.loop_stall_max_ns,
            "loop_stall_p99_ns": each.loop_stall_p99_ns,
            "fewest_operations": each.fewest_operations,
            "most_operations": each.most_operations,
        }


def _samples(run: Run) -> Columns:
    samples, size = run.samples, len(run.samples)
    streamed = len(samples.first_row_ns) == size
    return {
        "key": [run.case.key] * size,
        "round": [run.round] * size,
        "worker": samples.worker,
        "start_ns": samples.start_ns,
        "duration_ns": samples.duration_ns,
        "first_row_ns": samples.first_row_ns if streamed else [None] * size,
        "rows": samples.rows,
        "error": [samples.errors.get(at) for at in range(size)],
    }
