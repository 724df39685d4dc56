"""`bench export`: write a run in the format of another program."""

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
    help="Format of the file: pytest-benchmark's JSON, or a table as CSV or Parquet.",
)
@click.option(
    "--table",
    type=click.Choice(["cases", "rounds", "samples"]),
    help="For CSV and Parquet: one row for each case (the default), round, or operation.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write. Default: a file beside run.jsonl, named after the table or format.",
)
def export(folder: Path, form: str, table: str | None, out: Path | None) -> None:
    """Write the run of FOLDER (or of a run.jsonl) in the format of another program.

    FOLDER may also be a run as `bench compare` names it.

    \b
    Examples:
      bench export results/reference --format csv --table rounds
      bench export results/reference --format parquet --table samples
      bench export results/reference --format pytest-benchmark --out before.json
      pytest-benchmark compare before.json after.json
    """
    from bench.results import archive
    from bench.results.file import load

    if table and form == "pytest-benchmark":
        raise UsageError(
            "--table is for --format csv or parquet: the JSON always has the rounds of every case."
        )
    if out and out.exists():
        raise UsageError(f"{out} exists already and was not changed. Choose another --out.")
    results = load(archive.find_path(folder))
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
