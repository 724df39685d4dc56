"""`bench charts`: draw the charts of a result again, from its file alone."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def charts(folder: Path) -> None:
    """Draw the charts of FOLDER again and write its summary.csv, from its run.jsonl alone.

    FOLDER may also be a run as `bench compare` names it.

    \b
    Examples:
      bench charts results/reference
      bench charts latest
    """
    from bench.model.errors import BenchError
    from bench.output.present import present
    from bench.results import archive

    if failed := present(archive.find_path(folder)):
        part, reason = next(iter(failed.items()))
        raise BenchError(f"{part}: {reason}.\nAll other files were written again.")
