"""The formats of a report."""

import json
from pathlib import Path
from typing import Any

import pytest
from session_guard.lint import RULES
from tests.session_guard.lint.conftest import SHARED, Run

jsonschema = pytest.importorskip("jsonschema")


def test_json(run: Run, app: Path) -> None:
    (app / "broken.py").write_text("def f(:\n")
    content = json.loads(run("lint", "app", "--format", "json").stdout)
    assert content["version"] == 1
    assert content["files"] == 2
    (finding,) = content["findings"]
    assert (finding["path"], finding["line"], finding["column"]) == ("app/db.py", 6, 46)
    assert (finding["rule"], finding["name"]) == ("SG001", "shared-session")
    assert finding["end_column"] == finding["column"] + len("session.execute(b)")
    (unread,) = content["unread"]
    assert unread["path"] == "app/broken.py"


def test_github(run: Run, app: Path) -> None:
    (line,) = run("lint", "app", "--format", "github").stdout.splitlines()
    assert line.startswith(
        "::error file=app/db.py,line=6,endLine=6,col=46,endColumn=64,"
        "title=SG001 shared-session::'session' is used"
    )


def test_github_escapes(run: Run, tmp_path: Path) -> None:
    """Forbid that characters in a file's name end the properties of an annotation."""
    (tmp_path / "a,b%.py").write_text(SHARED)
    assert "file=a%2Cb%25.py," in run("lint", ".", "--format", "github").stdout


TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
NUMBER = {"type": "integer", "minimum": 1}
LOCATION: dict[str, Any] = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {"type": "object", "required": ["uri"]},
                "region": {
                    "type": "object",
                    "required": ["startLine"],
                    "properties": dict.fromkeys(
                        ("startLine", "startColumn", "endLine", "endColumn"), NUMBER
                    ),
                    "additionalProperties": False,
                },
            },
        }
    },
}
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {
                                                "shortDescription": TEXT,
                                                "help": TEXT,
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {"type": "object", "required": ["executionSuccessful"]},
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "locations"],
                            "properties": {
                                "message": TEXT,
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "locations": {"type": "array", "items": LOCATION},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The parts of the schema of SARIF 2.1.0 that a log of this lint can break."""


def test_sarif(run: Run, app: Path) -> None:
    (app / "broken.py").write_text("def f(:\n")
    (app / "a b.py").write_text(SHARED)
    log = json.loads(run("lint", "app", "--format", "sarif").stdout)
    jsonschema.validate(log, SARIF)
    (ran,) = log["runs"]
    rules = [rule["id"] for rule in ran["tool"]["driver"]["rules"]]
    assert rules == list(RULES)
    first, second = ran["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "app/a%20b.py", "uriBaseId": "%SRCROOT%"}
    assert rules[second["ruleIndex"]] == second["ruleId"] == "SG001"
    notes = ran["invocations"][0]["toolExecutionNotifications"]
    assert "can't be read" in notes[0]["message"]["text"]


def test_columns_are_characters(run: Run, tmp_path: Path) -> None:
    """Forbid columns in bytes, which are too large after any letter that is not ASCII."""
    (tmp_path / "db.py").write_text(SHARED.replace("execute(a)", "execute(ä)"))
    assert "db.py:6:46: SG001" in run("lint", "db.py").stdout


def test_into_a_file(run: Run, app: Path) -> None:
    result = run("lint", "app", "--format", "json", "--output-file", "report.json")
    assert (result.returncode, result.stdout) == (1, "")
    assert json.loads((app.parent / "report.json").read_text())["findings"]
    result = run("lint", "app", "-o", "nowhere/report.json")
    assert result.returncode == 2
    assert result.stderr.startswith("error: nowhere/report.json can't be written: ")
