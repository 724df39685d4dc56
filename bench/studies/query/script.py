"""A script of pgbench: `\\set`, `\\sleep` and SQL statements.

https://www.postgresql.org/docs/current/pgbench.html#id-1.9.4.11.9
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from bench.model.errors import UsageError
from bench.model.sql_text import SqlText, statements_in
from bench.studies.query.script_expressions import Expression, ExpressionError, Number

_SET = re.compile(r"set\s+(\w+)\s+(.+)", re.DOTALL)
_SLEEP = re.compile(r"sleep\s+(\S+)(?:\s*(us|ms|s))?")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, None: 1.0}
_READS = {"SELECT", "VALUES", "TABLE", "SHOW", "BEGIN", "START", "END", "COMMIT", "ROLLBACK"}
_KNOWN = {"scale"}


@dataclass(frozen=True)
class Set:
    """A `\\set`: a variable gets a value."""

    line: int
    name: str
    expression: Expression


@dataclass(frozen=True)
class Sleep:
    """A `\\sleep`."""

    line: int
    duration: Expression
    unit_s: float


@dataclass(frozen=True)
class Statement:
    """An SQL statement; a parameter `:name` is the value of a variable."""

    line: int
    text: SqlText


@dataclass(frozen=True)
class Script:
    """The commands of a script, in order."""

    path: Path
    text: str
    commands: tuple[Set | Sleep | Statement, ...]

    @property
    def steps(self) -> tuple[SqlText | None, ...]:
        """The statement of each step of an operation; None for a sleep."""
        return tuple(
            command.text if isinstance(command, Statement) else None
            for command in self.commands
            if not isinstance(command, Set)
        )

    @property
    def only_reads(self) -> bool:
        """Whether every statement begins with a word that changes nothing."""
        return all(step is None or step.verb in _READS for step in self.steps)

    def draw(self, random: Random, variables: Mapping[str, Number]) -> tuple[Any, ...]:
        """Return the values of each step of one operation: a tuple, or the seconds of a sleep.

        Raises `UsageError` for an expression that has no value.
        """
        values = dict(variables)
        drawn: list[Any] = []
        for command in self.commands:
            try:
                if isinstance(command, Set):
                    values[command.name] = command.expression.value(values, random)
                elif isinstance(command, Sleep):
                    drawn.append(command.duration.value(values, random) * command.unit_s)
                else:
                    drawn.append(tuple(values[name[1:]] for name in command.text.parameters))
            except ExpressionError as error:
                raise _wrong(self.path, command.line, str(error)) from None
        return tuple(drawn)


def read_script(path: Path) -> Script:
    """Return the script of a file.

    Raises `UsageError` for a file that cannot be read, and for a command that is not known here.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"{path} cannot be read ({reason}).\nName a script of pgbench with --workload-file."
        ) from None
    commands = tuple(_commands(path, text))
    if not any(isinstance(command, Statement) for command in commands):
        raise UsageError(f"{path} has no statement.\nWrite one, as in SELECT 1;")
    _check_variables(path, commands)
    return Script(path, text.strip(), commands)


def _commands(path: Path, text: str) -> "Iterator[Set | Sleep | Statement]":
    pending: list[str] = []
    meta = ""
    began = first = 1
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if not meta and not line.lstrip().startswith("\\"):
            pending.append(line)
            continue
        if not meta:
            yield from _statements(path, "".join(pending), first)
            pending, began = [], number
        continued = line.rstrip("\r\n").endswith("\\")
        meta += " " + line.rstrip("\r\n").removesuffix("\\").strip()
        if not continued:
            yield _meta(path, began, meta.strip()[1:].strip())
            meta, first = "", number + 1
    if meta:
        yield _meta(path, began, meta.strip()[1:].strip())
    yield from _statements(path, "".join(pending), first)


def _statements(path: Path, text: str, first: int) -> Iterator[Statement]:
    try:
        for at, piece in statements_in(text):
            blank = len(piece) - len(piece.lstrip())
            line = first + text.count("\n", 0, at + blank)
            yield Statement(line, SqlText.parse(piece.strip(), only_reads=False))
    except UsageError as error:
        what, _, advice = str(error).partition("\n")
        raise UsageError(f"{path}, from line {first} on: {what}\n{advice}") from None


def _meta(path: Path, line: int, text: str) -> "Set | Sleep":
    try:
        if found := _SET.fullmatch(text):
            return Set(line, found[1], Expression.parse(found[2]))
        if found := _SLEEP.fullmatch(text):
            return Sleep(line, Expression.parse(found[1]), _SECONDS[found[2]])
    except ExpressionError as error:
        raise _wrong(path, line, str(error)) from None
    raise _wrong(path, line, f"\\{text.split(' ')[0]:.30} is not known here")


def _check_variables(path: Path, commands: "tuple[Set | Sleep | Statement, ...]") -> None:
    known = set(_KNOWN)
    for command in commands:
        if isinstance(command, Statement):
            used = {name[1:] for name in command.text.parameters}
        else:
            expression = command.expression if isinstance(command, Set) else command.duration
            used = expression.names
        if unknown := sorted(used - known):
            raise UsageError(
                f"{path}, line {command.line}: no variable is named {unknown[0]}.\n"
                f"Set it before: \\set {unknown[0]} random(1, 1000)."
            )
        if isinstance(command, Set):
            known.add(command.name)


def _wrong(path: Path, line: int, what: str) -> UsageError:
    return UsageError(
        f"{path}, line {line}: {what}.\n"
        "Use \\set with integers, variables, + - * / % and random functions, \\sleep, and SQL."
    )
