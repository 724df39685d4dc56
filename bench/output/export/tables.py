"""A run as a table for other programs: one row per case, round or sample, as CSV or Parquet."""

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
"""A part of a table: column -> values, all of the same length. All parts have the same columns."""


def of_cases(results: Results) -> Iterator[Columns]:
    """Yield the table of summary.csv: one row per case."""
    yield _columns(summary_csv.rows(results))


def of_rounds(results: Results) -> Iterator[Columns]:
    """Yield one row per case and round, with the figures of the round."""
    yield _columns([row for summary in summarise(results) for row in _rounds(summary)])


def of_samples(results: Results) -> Iterator[Columns]:
    """Yield one part per run, with one row per operation.

    first_row_ns is empty in runs without a stream.
    """
    for run in results.runs:
        yield _samples(run)


TABLES: Mapping[str, Callable[[Results], Iterator[Columns]]] = {
    "cases": of_cases,
    "rounds": of_rounds,
    "samples": of_samples,
}


def write_csv(parts: Iterable[Columns], path: Path) -> None:
    """Write the parts as one CSV file. Raises `OSError` if it can't be written."""
    with csv_file.replacing(path) as write:
        for number, part in enumerate(parts):
            if number == 0:
                write([list(part)])
            write(zip(*part.values(), strict=True))


def write_parquet(parts: Iterable[Columns], path: Path) -> None:
    """Write the parts as one Parquet file.

    Raises `OSError` if it can't be written, and `BenchError` without pyarrow.
    """
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
    """Return the columns, with arrays passed as memory, since this avoids a copy per number."""
    import numpy as np

    return {
        name: np.frombuffer(values, dtype=np.int64) if isinstance(values, array) else values
        for name, values in part.items()
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> Columns:
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _rounds(summary: Summary) -> Iterator[dict[str, Any]]:
    for round_ in summary.rounds:
        yield {
            "key": summary.case.key,
            "round": round_.number,
            "operations": round_.operations,
            "errors": sum(round_.errors.values()),
            "throughput_per_s": round_.throughput_per_s,
            "rows_per_s": round_.rows_per_s,
            **{
                summary_csv.latency_column(quantile): round_.latency_ns.get(quantile)
                for quantile in stats.QUANTILES
            },
            "first_row_p50_ns": round_.first_row_p50_ns,
            "client_cpu_ns_per_operation": round_.client_cpu_ns,
            "server_cpu_ns_per_operation": round_.server_cpu_ns,
            "gc_ns_per_operation": round_.gc_ns,
            "loop_stall_max_ns": round_.loop_stall_max_ns,
            "loop_stall_p99_ns": round_.loop_stall_p99_ns,
            "fewest_operations": round_.fewest_operations,
            "most_operations": round_.most_operations,
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
