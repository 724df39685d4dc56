"""From a file of runs to everything that people look at: table, summary.csv, charts."""

from pathlib import Path

from bench import results


def present(folder: Path, *, quiet: bool = False) -> None:
    """Write summary.csv and the charts beside the file, and print the table and where they are.

    Raises `BenchError` where there is nothing to draw, or it can't be written.
    """
    from bench import charts, summary, table
    from bench.errors import BenchError

    found = results.load(folder)
    if not found.runs and not found.memory:
        raise BenchError(f"{found.folder} holds no finished run: there is nothing to draw.")
    try:
        summary.write_csv(found, found.folder / "summary.csv")
        drawn = charts.draw(found, found.folder)
    except OSError as error:
        raise BenchError(f"cannot write {error.filename}: {error.strerror}.") from error
    table.show(found, drawn)
