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
    from bench.output.present import present

    present(folder)
