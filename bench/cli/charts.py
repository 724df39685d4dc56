"""`bench charts`: draw a result again, from its file alone."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def charts(folder: Path) -> None:
    """Draw the charts and write summary.csv of FOLDER again, from its run.jsonl alone.

    \b
    Example:
      bench charts results/reference
    """
    from bench.model.errors import BenchError
    from bench.output.present import present

    if failed := present(folder):
        part, reason = next(iter(failed.items()))
        raise BenchError(f"{part}: {reason}.\nEverything else was made again.")
