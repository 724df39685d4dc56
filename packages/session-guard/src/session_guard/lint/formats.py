"""A report as text for people, as JSON, and as annotations on GitHub."""

import json
from collections.abc import Callable
from pathlib import Path

from session_guard.lint.examination import Report
from session_guard.lint.rules import RULES
from session_guard.lint.sarif import sarif


def shown(path: Path) -> str:
    """Return a path relative to the current folder if it is inside it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def text(report: Report) -> str:
    """Return a line for each finding: path, line, column, rule, message."""
    return "".join(
        f"{shown(finding.path)}:{finding.line}:{finding.column}: {finding.rule} {finding.text}\n"
        for finding in report.findings
    )


def as_json(report: Report) -> str:
    """Return an object with the findings, the files that could not be read, and a count."""
    content = {
        "version": 1,
        "files": report.files,
        "findings": [
            {
                "path": shown(finding.path),
                "line": finding.line,
                "column": finding.column,
                "end_line": finding.end_line,
                "end_column": finding.end_column,
                "rule": finding.rule,
                "name": RULES[finding.rule].name,
                "message": finding.text,
            }
            for finding in report.findings
        ],
        "unread": [
            {"path": shown(unread.path), "reason": unread.reason} for unread in report.unread
        ],
    }
    return json.dumps(content, indent=2) + "\n"


def github(report: Report) -> str:
    """Return workflow commands, which GitHub shows beside the lines of a pull request.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    lines = []
    for finding in report.findings:
        properties = {
            "file": shown(finding.path),
            "line": finding.line,
            "endLine": finding.end_line,
            "col": finding.column,
            "endColumn": finding.end_column,
            "title": f"{finding.rule} {RULES[finding.rule].name}",
        }
        if finding.end_line != finding.line:  # GitHub takes columns only within one line
            del properties["col"], properties["endColumn"]
        listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
        lines.append(f"::error {listed}::{_data(finding.text)}\n")
    for unread in report.unread:
        place = _property(shown(unread.path))
        lines.append(f"::warning file={place},title=session-guard::{_data(unread.reason)}\n")
    return "".join(lines)


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "sarif": sarif,
}
"""The formats by their names on the command line."""
