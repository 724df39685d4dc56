"""The rules: code, name, message, and the page that explains it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rule:
    """A rule of the lint."""

    code: str
    name: str
    summary: str
    message: str
    by_default: bool = True

    @property
    def page(self) -> str:
        """The path of the page that explains the rule, relative to the project's root."""
        return f"docs/lint/{self.code}.md"


RULES = {
    rule.code: rule
    for rule in (
        Rule(
            "SG001",
            "shared-session",
            "a session or connection that several tasks or threads use at once",
            "{name!r} is used by several tasks at once{also}: open a session inside each task",
        ),
        Rule(
            "SG002",
            "engine-per-call",
            "an engine that is made at every call",
            "{name}() makes an engine at every call: make one when the application starts",
        ),
        Rule(
            "SG003",
            "session-of-the-module",
            "a session that belongs to the whole module, class or application",
            "{name!r} is a session of the whole {place}: keep a sessionmaker there, and open one"
            " in each task",
        ),
        Rule(
            "SG004",
            "silently-serial",
            "a psycopg AsyncConnection that several tasks use: it runs their statements one by one",
            "{name!r} is used by several tasks{also}, and psycopg runs their statements one after"
            " another, in one transaction: use a pool",
            by_default=False,
        ),
    )
}
"""All rules by code."""


@dataclass(frozen=True, order=True)
class Finding:
    """A report: its place in a file, its rule and its text. Lines and columns begin at 1."""

    path: Path
    line: int
    column: int
    rule: str
    text: str
    end_line: int = 0
    end_column: int = 0
