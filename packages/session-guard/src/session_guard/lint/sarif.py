"""A report in SARIF 2.1.0, which code hosts and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from session_guard.lint.examination import Report
from session_guard.lint.rules import RULES, Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(report: Report) -> str:
    """Return a log with one run."""
    driver = {
        "name": "session-guard",
        "semanticVersion": installed_version(),
        "informationUri": "https://docs.sqlalchemy.org/en/20/orm/session_basics.html"
        "#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks",
        "rules": [
            {
                "id": rule.code,
                "name": "".join(word.capitalize() for word in rule.name.split("-")),
                "shortDescription": {"text": rule.summary[0].upper() + rule.summary[1:] + "."},
                "help": {"text": f"{rule.summary}. Explained in {rule.page}."},
                "defaultConfiguration": {"enabled": rule.by_default, "level": "error"},
            }
            for rule in RULES.values()
        ],
    }
    notifications = [
        {
            "level": "warning",
            "message": {"text": unread.reason},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(unread.path)}}],
        }
        for unread in report.unread
    ]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notifications}],
        "results": [_result(finding) for finding in report.findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(finding: Finding) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": list(RULES).index(finding.rule),
        "level": "error",
        "message": {"text": finding.text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(finding.path),
                    "region": {
                        "startLine": finding.line,
                        "startColumn": finding.column,
                        "endLine": finding.end_line,
                        "endColumn": finding.end_column,
                    },
                }
            }
        ],
    }


def _artifact(path: Path) -> dict[str, str]:
    """Return a path as a URI, relative to the current folder if it is inside it."""
    here = Path.cwd()
    full = path.absolute()
    if full.is_relative_to(here):
        return {"uri": quote(full.relative_to(here).as_posix()), "uriBaseId": "%SRCROOT%"}
    return {"uri": full.as_uri()}


def installed_version() -> str:
    """Return the version of the distribution that contains this package."""
    for distribution in ("session-guard", "gatherbench"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "0.0.0"
