"""Write all generated documents, from results and --help: `python -m bench.cli.documents`.

This is a program for `make docs` and not a command of `bench`, because it needs the checkout.
"""

import sys
from pathlib import Path

from bench.cli.reference import reference
from bench.model.errors import BenchError
from bench.output.documents import readme, tutorial
from bench.output.documents.marked_blocks import fill
from bench.studies.audit import document as audit
from bench.studies.calibration import power_table
from bench.studies.lessons.document import documents
from bench.studies.pool import document as pool
from bench.studies.streaming import document as streaming
from bench.system.output_files import write_text


def write(root: Path) -> None:
    """Write all generated documents below `root`. Raises `BenchError` if results are missing."""
    docs, results = root / "docs", root / "results"
    write_text(docs / "cli.md", reference())
    fill(root / "README.md", readme.blocks(results / "reference", root))
    fill(docs / "tutorial.md", tutorial.blocks(results / "reference"))
    method = audit.blocks(results / "audit", docs) | power_table.blocks(results / "power", docs)
    fill(docs / "method.md", method)
    fill(docs / "streaming.md", streaming.blocks(results / "reference-streaming", docs))
    fill(docs / "pool-size.md", pool.blocks(results / "reference-pool", docs))
    for page, text in documents(results / "lessons", docs / "one-session-per-task.md").items():
        page.parent.mkdir(exist_ok=True)
        write_text(page, text)


def main() -> None:
    """Write the documents of the checkout in the current folder."""
    try:
        write(Path())
    except BenchError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
