"""`bench export`: a run for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.model.errors import BenchError, UsageError
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from bench.results.file import Results


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice(["pytest-benchmark", "csv", "parquet"]),
    help="pytest-benchmark's JSON, or a table as CSV or Parquet.",
)
@click.option(
    "--table",
    type=click.Choice(["cases", "rounds", "samples"]),
    help="Of a table, what has a row: each case (the default), each round, or each operation.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write. Default: beside run.jsonl, named after what it holds.",
)
def export(folder: Path, form: str, table: str | None, out: Path | None) -> None:
    """Write the run in FOLDER, or in its run.jsonl, in another program's format.

    \b
    Examples:
      bench export results/reference --format csv --table rounds
      bench export results/reference --format parquet --table samples
      bench export results/reference --format pytest-benchmark --out before.json
      pytest-benchmark compare before.json after.json
    """
    from bench.results.file import load

    if table and form == "pytest-benchmark":
        raise UsageError(
            "--table is for --format csv or parquet: the JSON has every case's rounds."
        )
    if out and out.exists():
        raise UsageError(f"{out} exists already: nothing of it was touched. Choose another --out.")
    results = load(folder)
    if not results.runs:
        raise BenchError(f"{results.folder} holds no finished run: there is nothing to export.")
    table = table or "cases"
    name = "pytest-benchmark.json" if form == "pytest-benchmark" else f"{table}.{form}"
    path = out or results.folder / name
    try:
        _write(results, form, table, path)
    except OSError as error:
        raise BenchError(
            f"cannot write {path}: {error.strerror}.\nChoose another --out."
        ) from error
    echo(path)


def _write(results: "Results", form: str, table: str, path: Path) -> None:
    if form == "pytest-benchmark":
        import json

        from bench.output.export.pytest_benchmark import as_json
        from bench.system.output_files import write_text

        write_text(path, json.dumps(as_json(results), indent=2) + "\n")
        return
    from bench.output.export.tables import TABLES, write_csv, write_parquet

    write = write_csv if form == "csv" else write_parquet
    write(TABLES[table](results), path)
