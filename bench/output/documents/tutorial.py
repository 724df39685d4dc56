"""The findings that docs/tutorial.md quotes, from a results folder."""

import textwrap
from pathlib import Path

from bench.analysis import findings
from bench.output.report.single import headlines
from bench.results import file as results

QUOTED = 4


def blocks(folder: Path) -> dict[str, str]:
    """Return the first findings of the report, as a Markdown quotation inside a list item."""
    shown = [
        finding
        for finding in findings.find(results.load(folder))
        if finding.topic != findings.CAUTION
    ]
    lines = [
        line
        for finding in headlines(shown)[:QUOTED]
        for line in [*textwrap.wrap(f"- {finding.sentence}", 92, subsequent_indent="  "), ""]
    ]
    return {"findings": "\n".join(f"   > {line}".rstrip() for line in lines[:-1])}
