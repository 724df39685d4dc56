"""summary.csv: one row per case, with the units in the names of the columns."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bench.analysis import stats
from bench.analysis.open_loop import PARTS
from bench.analysis.summary import Summary, of_case, summarise
from bench.model.case import Case
from bench.model.study import studies
from bench.output.export import csv_file
from bench.results import source
from bench.results.decoding import LineError
from bench.results.file import Results
from bench.results.header import NOT_DESCRIBED, BackendFacts

SUMMARY_FILE = "summary.csv"
_Rate = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
"""A rate with bounds, so that `nan` and `inf` are refused."""


def write_csv(results: Results, path: Path, summaries: list[Summary] | None = None) -> None:
    """Write one row per case: its factors, then its figures, with the unit in each name.

    No value is nested. An empty cell is a figure that was not measured. The backend `null` is
    written as `null (floor)`, since pandas reads the bare word as a missing value. `key` is the key
    of the case in `run.jsonl`. Raises `OSError` if the file can't be written.
    """
    columns = _row(of_case(Case("", ""), [], [], []), NOT_DESCRIBED, _of_studies(results))
    lines = [[row[name] for name in columns] for row in rows(results, summaries)]
    with csv_file.replacing(path) as write:
        write([list(columns), *lines])


class _Throughput(msgspec.Struct):
    """The columns of a row that the index shows."""

    key: str
    throughput_per_s: _Rate
    throughput_per_s_low: _Rate
    throughput_per_s_high: _Rate


def read_throughput(path: Path) -> dict[str, list[float]]:
    """Return the key of each case -> throughput, lower and upper bound, from a summary.csv.

    Rows without these three are left out. A file that can't be read gives an empty dict.
    """
    try:
        with source.open_file(path) as file:
            lines = source.whole(file).decode("utf-8").splitlines()
        table = list(csv.DictReader(lines))
    except (OSError, LineError, UnicodeDecodeError, csv.Error):
        return {}
    figures = {}
    for row in table:
        try:
            columns = {name: row.get(name) for name in _Throughput.__struct_fields__}
            case = msgspec.convert(columns, _Throughput, strict=False)
        except msgspec.ValidationError:  # a single round has no bounds
            continue
        numbers = (case.throughput_per_s, case.throughput_per_s_low, case.throughput_per_s_high)
        figures[case.key] = [float(f"{number:.4g}") for number in numbers]
    return figures


def rows(results: Results, summaries: list[Summary] | None = None) -> list[dict[str, Any]]:
    """Return the rows of summary.csv: one dict per case, column -> value; None is an empty cell."""
    more = _of_studies(results)
    return [
        _row(summary, results.header.backend(summary.case.backend), more)
        for summary in (summarise(results) if summaries is None else summaries)
    ]


def _of_studies(results: Results) -> dict[str, Mapping[Case, float]]:
    """Return the columns that the studies add: name -> case -> figure."""
    added: dict[str, Mapping[Case, float]] = {}
    for study in studies():
        if study.columns:
            added |= study.call(study.columns, results)
    return added


def _row(
    summary: Summary, backend: BackendFacts, more: Mapping[str, Mapping[Case, float]]
) -> dict[str, Any]:
    case = summary.case
    row: dict[str, Any] = {
        **case.columns(),
        "backend": _written(case.backend),
        **{name: _written(getattr(backend, name)) for name in ("colour", "layer", "driver")},
        "key": case.key,
        "load_model": "closed" if case.rate is None else "open",
        "rounds": len(summary.rounds),
        "operations": summary.operations,
        "failed_runs": len(summary.failures),
        "errors": summary.failed,
        "error_classes": "; ".join(f"{name} x{n}" for name, n in sorted(summary.errors.items())),
    }
    spread = {
        "throughput_per_s": summary.throughput_per_s,
        "rows_per_s": summary.rows_per_s,
        **{latency_column(name): summary.latency_ns.get(name) for name in stats.QUANTILES},
        "first_row_p50_ns": summary.first_row_p50_ns,
        "client_cpu_ns_per_operation": summary.client_cpu_ns,
        "server_cpu_ns_per_operation": summary.server_cpu_ns,
        "gc_ns_per_operation": summary.gc_ns,
    }
    for column, interval in spread.items():
        row[column] = interval.median if interval else None
        row[f"{column}_low"] = interval.low if interval else None
        row[f"{column}_high"] = interval.high if interval else None
    least, most = summary.throughput_bounds_per_s or (None, None)
    row |= {"throughput_per_s_at_least": least, "throughput_per_s_at_most": most}
    for name in stats.QUANTILES:
        row[f"pooled_{latency_column(name)}"] = summary.pooled_latency_ns.get(name)
    for name in (
        "loop_stall_max_ns",
        "loop_stall_p99_ns",
        "fewest_operations",
        "most_operations",
        "peak_memory_bytes",
        "memory_rows",
    ):
        row[name] = getattr(summary, name)
    row |= _at_rate(summary)
    row |= {column: figures.get(case) for column, figures in more.items()}
    return row


def _at_rate(summary: Summary) -> dict[str, Any]:
    """Return the columns of a rate; without one, they are empty."""
    found = summary.open
    row: dict[str, Any] = {"rounds_held": found.held if found else None}
    row["offered_per_s"] = found.offered_per_s.median if found and found.offered_per_s else None
    for part in PARTS:
        for name in ("p50", "p99"):
            interval = getattr(found, f"{part}_ns").get(name) if found else None
            row[f"{part}_{name}_ns"] = interval.median if interval else None
    return row


def latency_column(quantile: str) -> str:
    """Return the name of the column of a quantile."""
    # The name has no dot, so that pandas users can write frame.latency_p99_9_ns.
    return f"latency_{quantile.replace('.', '_')}_ns"


def _written(word: str | None) -> str | None:
    return "null (floor)" if word == "null" else word
