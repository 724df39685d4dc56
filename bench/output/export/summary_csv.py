"""summary.csv: a row a case, units in the names of its columns."""

import csv
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bench.analysis import stats
from bench.analysis.summary import Summary, of_case, summarise
from bench.model.case import Case
from bench.output.export import csv_file
from bench.results import source
from bench.results.decoding import LineError
from bench.results.file import Results
from bench.results.header import NOT_DESCRIBED, BackendFacts

SUMMARY_FILE = "summary.csv"
_Rate = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
"""So that `nan` and `inf` are none."""


def write_csv(results: Results, path: Path, summaries: list[Summary] | None = None) -> None:
    """A row a case: its factors, then its figures with the unit in each name. No nested values.

    Empty cells are figures that were not measured. The backend `null` is written `null (floor)`,
    since pandas reads the bare word as nothing; `key` has the case as `run.jsonl` has it.
    """
    columns = _row(of_case(Case("", ""), [], [], []), NOT_DESCRIBED)
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
    """Return the key of each case -> its throughput and that one's bounds, from a summary.csv.

    Rows without them are left out, and so is all of a file that can't be read.
    """
    try:
        with source.open_file(path) as file:
            lines = source.whole(file).decode("utf-8").splitlines()
        found = list(csv.DictReader(lines))
    except (OSError, LineError, UnicodeDecodeError, csv.Error):
        return {}
    figures = {}
    for row in found:
        try:
            columns = {name: row.get(name) for name in _Throughput.__struct_fields__}
            case = msgspec.convert(columns, _Throughput, strict=False)
        except msgspec.ValidationError:  # a single round has no bounds
            continue
        numbers = (case.throughput_per_s, case.throughput_per_s_low, case.throughput_per_s_high)
        figures[case.key] = [float(f"{number:.4g}") for number in numbers]
    return figures


def rows(results: Results, summaries: list[Summary] | None = None) -> list[dict[str, Any]]:
    """What stands in summary.csv: column -> value, a dict a case; None for an empty cell."""
    return [
        _row(summary, results.header.backend(summary.case.backend))
        for summary in (summarise(results) if summaries is None else summaries)
    ]


def _row(summary: Summary, backend: BackendFacts) -> dict[str, Any]:
    case = summary.case
    row: dict[str, Any] = {
        **case.as_dict(),
        "backend": _told(case.backend),
        **{name: getattr(case, name) for name in ("size", "twin", "frozen")},
        **{name: _told(getattr(backend, name)) for name in ("colour", "layer", "driver")},
        "key": case.key,
        "load_model": "closed",
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
    return row


def latency_column(quantile: str) -> str:
    """The name of a quantile's column."""
    # No dot: pandas users write frame.latency_p99_9_ns.
    return f"latency_{quantile.replace('.', '_')}_ns"


def _told(word: str | None) -> str | None:
    return "null (floor)" if word == "null" else word
