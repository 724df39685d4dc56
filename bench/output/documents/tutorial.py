"""The findings that the tutorial quotes, from a results folder."""

import textwrap
from pathlib import Path

from bench.analysis import findings
from bench.output.report.single import headlines
from bench.results import file as results

QUOTED = 4


def blocks(folder: Path) -> dict[str, str]:
    """Return the report's first findings, as a quotation in Markdown within a list's item."""
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
    return {"findings": "\n".join(f"   > {line}".rstrip() for line in lines[:-1])}
