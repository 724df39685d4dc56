"""A script of pgbench: `\\set`, `\\sleep`, `\\if` and SQL statements.

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
from bench.studies.query.script_expressions import Expression, ExpressionError, Value, true
from bench.studies.query.script_functions import DEFAULT_SEED

_SET = re.compile(r"set\s+(\w+)\s+(.+)", re.DOTALL)
_SLEEP = re.compile(r"sleep\s+(:?\w+)(?:\s*(us|ms|s))?")
_IF = re.compile(r"(if|elif|else|endif)\b\s*(.*)", re.DOTALL)
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, None: 1.0}
_READS = {"SELECT", "VALUES", "TABLE", "SHOW", "BEGIN", "START", "END", "COMMIT", "ROLLBACK"}
_KNOWN = {"scale", "random_seed", DEFAULT_SEED}

_OF_RESULTS = "takes a value from a result, and all values are drawn before the clock starts"
_PIPELINE = "asks for pipeline mode of libpq, which is no statement of a Python library"
_SHELL = "runs a program of the shell, which is not measured here"
_REFUSED = {
    "gset": _OF_RESULTS,
    "aset": _OF_RESULTS,
    "startpipeline": _PIPELINE,
    "syncpipeline": _PIPELINE,
    "endpipeline": _PIPELINE,
    "setshell": _SHELL,
    "shell": _SHELL,
    ";": "joins statements, and a Python library sends each by a call",
}
"""The commands of pgbench that are refused -> the reason."""


_QUOTED = re.compile(r"'(?:[^'\n]|'')*'")
_BEHIND = re.compile(r"\\(gset|aset|;)")
"""A command that stands behind a statement, in its line."""


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
class Branch:
    """An `\\if`, `\\elif`, `\\else` or `\\endif`."""

    line: int
    kind: str
    condition: Expression | None = None


Command = Set | Sleep | Statement | Branch


@dataclass(frozen=True)
class Script:
    """The commands of a script, in order."""

    path: Path
    text: str
    commands: tuple[Command, ...]

    @property
    def steps(self) -> tuple[SqlText | None, ...]:
        """The statement of each step of an operation; None for a sleep."""
        return tuple(
            command.text if isinstance(command, Statement) else None
            for command in self.commands
            if isinstance(command, Statement | Sleep)
        )

    @property
    def only_reads(self) -> bool:
        """Whether every statement begins with a word that changes nothing."""
        return all(step is None or step.verb in _READS for step in self.steps)

    def draw(self, random: Random, variables: Mapping[str, Value]) -> tuple[Any, ...]:
        """Return the values of each step of one operation: a tuple, or the seconds of a sleep.

        A step in a branch that is not taken has None. Raises `UsageError` for an expression that
        has no value.
        """
        values = dict(variables)
        drawn: list[Any] = []
        branches = _Branches()
        for command in self.commands:
            try:
                if isinstance(command, Branch):
                    branches.meet(command, values, random)
                elif isinstance(command, Set):
                    if branches.taken:
                        values[command.name] = command.expression.value(values, random)
                elif not branches.taken:
                    drawn.append(None)
                elif isinstance(command, Sleep):
                    drawn.append(_seconds(command, values, random))
                else:
                    drawn.append(tuple(values[name[1:]] for name in command.text.parameters))
            except ExpressionError as error:
                raise _wrong(self.path, command.line, str(error)) from None
            except KeyError as error:  # set in a branch that was not taken
                raise _unknown(self.path, command.line, str(error.args[0])) from None
        return tuple(drawn)


class _Branches:
    """The branches around a command while a script is drawn."""

    def __init__(self) -> None:
        self._open: list[tuple[bool, bool]] = []  # whether it is taken; whether one of its IF was

    @property
    def taken(self) -> bool:
        """Whether a command here is carried out."""
        return all(taken for taken, _ in self._open)

    def meet(self, branch: Branch, values: Mapping[str, Value], random: Random) -> None:
        """Begin, change or end a branch."""
        before = False
        if branch.kind != "if":
            _, before = self._open.pop()
        if branch.kind == "endif":
            return
        taken = self.taken and not before
        if taken and branch.condition is not None:
            taken = true(branch.condition.value(values, random))
        self._open.append((taken, taken or before))


def _seconds(command: Sleep, values: Mapping[str, Value], random: Random) -> float:
    value = command.duration.value(values, random)
    if value is None or isinstance(value, bool) or value < 0:
        raise ExpressionError(f"\\sleep has the duration {value}")
    return value * command.unit_s


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
    _check_branches(path, commands)
    _check_variables(path, commands)
    return Script(path, text.strip(), commands)


def _commands(path: Path, text: str) -> Iterator[Command]:
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
    for number, bare in enumerate(_QUOTED.sub("''", text).splitlines(), start=first):
        if found := _BEHIND.search(bare):
            raise _refused(path, number, found[1])
    try:
        for at, piece in statements_in(text):
            blank = len(piece) - len(piece.lstrip())
            line = first + text.count("\n", 0, at + blank)
            yield Statement(line, SqlText.parse(piece.strip(), only_reads=False))
    except UsageError as error:
        what, _, advice = str(error).partition("\n")
        raise UsageError(f"{path}, from line {first} on: {what}\n{advice}") from None


def _meta(path: Path, line: int, text: str) -> Set | Sleep | Branch:
    word = text.partition(" ")[0]
    if word in _REFUSED:
        raise _refused(path, line, word)
    try:
        if found := _IF.fullmatch(text):
            needs = found[1] in ("if", "elif")
            if needs != bool(found[2]):
                raise ExpressionError(f"\\{found[1]} has {'no' if needs else 'a'} condition")
            return Branch(line, found[1], Expression.parse(found[2]) if needs else None)
        if found := _SET.fullmatch(text):
            return Set(line, found[1], Expression.parse(found[2]))
        if found := _SLEEP.fullmatch(text):
            return Sleep(line, Expression.parse(found[1]), _SECONDS[found[2]])
    except ExpressionError as error:
        raise _wrong(path, line, str(error)) from None
    raise _wrong(path, line, f"\\{word:.30} is not known here")


def _check_branches(path: Path, commands: tuple[Command, ...]) -> None:
    """Raise `UsageError` for an \\else or \\endif without its \\if, and for an \\if without end."""
    opened: list[Branch] = []
    for command in commands:
        if not isinstance(command, Branch):
            continue
        if command.kind == "if":
            opened.append(command)
            continue
        if not opened or (opened[-1].kind == "else" and command.kind != "endif"):
            raise _wrong(path, command.line, f"there is no \\if before \\{command.kind}")
        opened.pop()
        if command.kind != "endif":
            opened.append(command)
    if opened:
        raise _wrong(path, opened[-1].line, f"\\{opened[-1].kind} has no \\endif")


def _check_variables(path: Path, commands: tuple[Command, ...]) -> None:
    known = set(_KNOWN)
    for command in commands:
        if isinstance(command, Statement):
            used = {name[1:] for name in command.text.parameters}
        elif isinstance(command, Branch):
            used = set(command.condition.names) if command.condition else set()
        else:
            expression = command.expression if isinstance(command, Set) else command.duration
            used = set(expression.names)
        if unknown := sorted(used - known):
            raise _unknown(path, command.line, unknown[0])
        if isinstance(command, Set):
            known.add(command.name)


def _refused(path: Path, line: int, word: str) -> UsageError:
    return UsageError(
        f"{path}, line {line}: \\{word} {_REFUSED[word]}.\n"
        "Leave it out, or write a unit of work in Python (docs/your-own-query.md)."
    )


def _unknown(path: Path, line: int, name: str) -> UsageError:
    if name == "client_id":
        return UsageError(
            f"{path}, line {line}: :client_id is not known, since the same values are drawn for any"
            " number of clients.\nDraw it: \\set client random(0, 15)."
        )
    return UsageError(
        f"{path}, line {line}: no variable is named {name}.\n"
        f"Set it before: \\set {name} random(1, 1000)."
    )


def _wrong(path: Path, line: int, what: str) -> UsageError:
    return UsageError(
        f"{path}, line {line}: {what}.\n"
        "Use pgbench's \\set with its operators and functions, \\if, \\sleep, and SQL."
    )
