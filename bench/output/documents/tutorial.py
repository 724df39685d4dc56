"""The findings that the tutorial quotes.

    python -m bench.output.documents.tutorial docs/tutorial.md FOLDER

They are written between two markers, so that no finding stands there which no data bore out.
"""

import sys
import textwrap
from pathlib import Path

from bench.analysis import findings
from bench.model.errors import BenchError
from bench.output.documents.readme import put
from bench.output.report.single import headlines
from bench.results import file as results

BEGIN = "<!-- findings: written by `make docs` -->"
END = "<!-- findings: end -->"
QUOTED = 4


def quoted(folder: Path) -> str:
    """The first of the report's findings, as a quotation in Markdown within a list's item."""
    found = [
        finding
        for finding in findings.find(results.load(folder))
        if finding.topic != findings.CAUTION
    ]
    lines = [
        line
        for finding in headlines(found)[:QUOTED]
        for line in [*textwrap.wrap(f"- {finding.sentence}", 92, subsequent_indent="  "), ""]
    ]
    return "\n".join(f"   > {line}".rstrip() for line in lines[:-1])


def main() -> None:
    try:
        put(Path(sys.argv[1]), BEGIN, END, quoted(Path(sys.argv[2])))
    except BenchError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
