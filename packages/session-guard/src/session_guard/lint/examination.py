"""The examination of files by all rules."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from session_guard.lint import engines, module_sessions, shared
from session_guard.lint.callers import Callers
from session_guard.lint.machine import TooLongError
from session_guard.lint.project import Project, Unread
from session_guard.lint.rules import Finding
from session_guard.lint.statements import Statements

_NOQA = re.compile(r"#\s*noqa(?::\s*(?P<rules>[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*))?", re.IGNORECASE)


@dataclass
class Report:
    """The findings in order, and the files that could be read only in part or not at all."""

    findings: list[Finding] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    files: int = 0


def check_paths(files: Iterable[Path]) -> Report:
    """Return the findings of all rules in Python files. Imports between the files are followed."""
    project = Project(files)
    return _examine(project)


def check(source: str, path: Path = Path("example.py")) -> list[Finding]:
    """Return the findings of all rules in one text."""
    project = Project([path])
    project.add(path, source)
    return _examine(project).findings


def _examine(project: Project) -> Report:
    findings: set[Finding] = set()
    modules = [module for path in project.files if (module := project.module(path))]
    machine = Statements(project)
    with_engines = any(engines.mentions_engines(module.source) for module in modules)
    callers = Callers(modules if with_engines else [])
    for module in modules:
        machine.steps = 0
        try:
            shared.check(machine, module)
            findings.update(module_sessions.check(machine, module))
            findings.update(engines.check(machine, module, callers))
        except (TooLongError, RecursionError):
            continue
        except Exception as problem:  # a defect of the lint must not hide findings elsewhere
            reason = f"could not be followed to its end, by a defect of the lint: {problem!r}"
            project.unread.append(Unread(module.path, reason))
        finally:
            module.forget_nodes()
    findings |= machine.findings
    lines = {module.path: module.source.splitlines() for module in modules}
    kept = [
        _in_characters(finding, lines[finding.path])
        for finding in findings
        if not _is_permitted(finding, lines[finding.path])
    ]
    return Report(sorted(kept), project.unread, len(project.files))


def _in_characters(finding: Finding, lines: list[str]) -> Finding:
    """Return the finding with its columns in characters: a syntax tree counts bytes of UTF-8."""

    def characters(line: int, column: int) -> int:
        text = lines[line - 1] if line <= len(lines) else ""
        return len(text.encode()[: column - 1].decode(errors="ignore")) + 1

    return replace(
        finding,
        column=characters(finding.line, finding.column),
        end_column=characters(finding.end_line, finding.end_column),
    )


def _is_permitted(finding: Finding, lines: list[str]) -> bool:
    """Return whether a `# noqa` at the first or last line of the place permits the finding."""
    for number in {finding.line, finding.end_line or finding.line}:
        noqa = _NOQA.search(lines[number - 1]) if number <= len(lines) else None
        if noqa and (noqa["rules"] is None or finding.rule in noqa["rules"].upper()):
            return True
    return False
