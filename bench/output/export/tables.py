"""A run as a table for other programs: one row per case, round or sample, as CSV or Parquet."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.analysis import stats
from bench.analysis.open_loop import PARTS
from bench.analysis.rounds import Round
from bench.analysis.summary import Summary, summarise
from bench.model.errors import BenchError
from bench.output.export import csv_file, summary_csv
from bench.results.entries import Run
from bench.results.file import Results
from bench.results.samples import Samples
from bench.system.output_files import replacing

if TYPE_CHECKING:
    import pyarrow

Columns = Mapping[str, Sequence[Any]]
"""A part of a table: column -> values, all of the same length. All parts have the same columns."""


def of_cases(results: Results) -> Iterator[Columns]:
    """Yield the table of summary.csv: one row per case."""
    yield _columns(summary_csv.rows(results))


def of_rounds(results: Results) -> Iterator[Columns]:
    """Yield one row per case and round, with the figures of the round."""
    yield _columns([row for summary in summarise(results) for row in _rounds(summary)])


def of_samples(results: Results) -> Iterator[Columns]:
    """Yield one part per piece of a run's samples, with one row per operation.

    first_row_ns is empty in runs without a stream.
    """
    for run in results.runs:
        for piece in run.samples.pieces():
            yield _samples(run, piece)


TABLES: Mapping[str, Callable[[Results], Iterator[Columns]]] = {
    "cases": of_cases,
    "rounds": of_rounds,
    "samples": of_samples,
}


def write_csv(parts: Iterable[Columns], path: Path) -> None:
    """Write the parts as one CSV file. Raises `OSError` if it can't be written."""
    with csv_file.replacing_by_columns(path) as write:
        for number, part in enumerate(parts):
            if number == 0:
                write([[name] for name in part])
            write(list(part.values()))


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
    first = next(parts := iter(parts), {})
    schema = _schema(first) or pyarrow.table(_typed(first)).schema
    with replacing(path) as file, parquet.ParquetWriter(file, schema) as writer:
        for part in chain([first], parts):
            writer.write_table(pyarrow.table(_typed(part), schema))


def _schema(part: Columns) -> "pyarrow.Schema | None":
    """Return the types of a table of samples: a part may lack first rows or errors."""
    import pyarrow

    if not part.keys() >= {"start_ns", "first_row_ns"}:
        return None
    texts = ("key", "error")
    return pyarrow.schema(
        [(name, pyarrow.string() if name in texts else pyarrow.int64()) for name in part]
    )


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
            **_at_rate(round_),
        }


def _at_rate(round_: Round) -> dict[str, Any]:
    """Return the columns of a round at a rate; without one, they are empty."""
    found = round_.open
    return {
        "held": found.held if found else None,
        "offered_per_s": found.offered_per_s if found else None,
        **{
            f"{part}_{name}_ns": getattr(found, f"{part}_ns").get(name) if found else None
            for part in PARTS
            for name in ("p50", "p99")
        },
    }


def _samples(run: Run, piece: Samples) -> Columns:
    size = len(piece)
    streamed = len(piece.first_row_ns) == size
    return {
        "key": [run.case.key] * size,
        "round": [run.round] * size,
        "worker": piece.worker,
        "start_ns": piece.start_ns,
        "duration_ns": piece.duration_ns,
        "first_row_ns": piece.first_row_ns if streamed else [None] * size,
        "rows": piece.rows,
        "wait_ns": piece.wait_ns or [None] * size,
        "late_ns": piece.late_ns or [None] * size,
        "error": [piece.errors.get(at) for at in range(size)] if piece.errors else [None] * size,
    }
