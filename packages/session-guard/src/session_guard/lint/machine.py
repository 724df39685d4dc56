"""The state of a program that the lint follows: tasks that run, sessions in use, attributes."""

import ast
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from session_guard.lint.libraries import NAMED_PERHAPS, NAMED_SESSION
from session_guard.lint.rules import RULES, Finding
from session_guard.lint.values import (
    Arguments,
    Call,
    Class,
    Function,
    Instance,
    Kind,
    Place,
    Scope,
    Session,
    Task,
    Token,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from session_guard.lint.module import Module
    from session_guard.lint.project import Project

MOST_STEPS = 30_000
"""The number of expressions after which the lint gives up on a function."""


class TooLongError(Exception):
    """A function takes too many steps to follow."""


@dataclass(frozen=True, eq=False)
class Running:
    """A task or thread that was started and that no code has waited for yet."""

    tokens: frozenset[Token]
    place: Place


@dataclass(eq=False)
class Activity:
    """The sessions that one task or thread uses, and the tasks that it has started."""

    used: dict[Token, Place] = field(default_factory=dict)
    live: dict[int, Running] = field(default_factory=dict)


@dataclass(eq=False)
class Frame:
    """A running function: its results, its names, and the place of its call."""

    scope: Scope | None = None
    called_at: Place | None = None
    returns: list[Value] = field(default_factory=list)
    yields: list[Value] = field(default_factory=list)


Attributes = dict[Instance, dict[str, Value]]


class Machine:
    """The state, and the methods that change it. Subclasses add the rules of Python."""

    def __init__(self, project: "Project") -> None:
        self.project = project
        self.findings: set[Finding] = set()
        self.steps = 0
        self.activity = Activity()
        self.frame = Frame()
        self.heap: Attributes = {}
        self.lazy: dict[tuple[Instance, str], Value] = {}
        """Attributes that were read from a class or an annotation, not set by a statement."""
        self.module_heap: Attributes = {}
        """The attributes of objects that belong to a module."""
        self.threads: dict[Value, Task] = {}
        self.variables: dict[Value, Value] = {}
        self.stack: list[ast.AST] = []
        self.frames: list[Frame] = []
        self.dependencies: dict[object, Value] = {}
        self.one_session_a_request = False
        self.module_values: dict[tuple[Module, str], Value] = {}
        self.nested: list[Function] = []
        self.ran: set[ast.AST] = set()
        self.next_task = 0

    # Defined by the subclasses.

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        raise NotImplementedError

    def execute(self, body: list[ast.stmt], scope: Scope) -> str | None:
        raise NotImplementedError

    def call(self, target: Value, arguments: Arguments, place: Place) -> Value:
        raise NotImplementedError

    def run(self, call: Call) -> Value:
        raise NotImplementedError

    def attribute(self, value: Value, name: str, place: Place) -> Value:
        raise NotImplementedError

    def instance_of(self, node: ast.expr, scope: Scope) -> Value:
        raise NotImplementedError

    def make(self, home: Class, arguments: Arguments, place: Place) -> Value:
        raise NotImplementedError

    def wait_for(self, value: Value, place: Place) -> Value:
        raise NotImplementedError

    def held(self, value: Value) -> frozenset[Token]:
        raise NotImplementedError

    def parts(self, instance: Instance) -> dict[str, Value]:
        """Return the attributes of an object. They are replaced, never changed."""
        return self.heap.get(instance) or self.module_heap.get(instance, {})

    def set_part(self, instance: Instance, name: str, value: Value) -> None:
        """Set an attribute of an object."""
        self.heap[instance] = {**self.parts(instance), name: value}

    # Sessions.

    def session(self, kind: Kind = "session", name: str = "") -> Session:
        """Return a session that no task has used yet."""
        return Session(Token(name, kind))

    def guess(self, name: str, scope: Scope, *, is_async: bool) -> Session | None:
        """Return a session for an untyped name that looks like one and is used like one.

        The file must use SQLAlchemy. The methods that are called on the name decide. If there are
        none, the name alone decides, unless the file also has sessions of another library.
        """
        module = scope.module
        if not module.uses_sqlalchemy:
            return None
        named = NAMED_SESSION.fullmatch(name)
        if not named and not NAMED_PERHAPS.fullmatch(name):
            return None
        answer = module.speaks_of_a_session(name, scope.function)
        if answer is None:
            answer = bool(named) and not module.imports_other_sessions
        return self.session("session" if is_async else "sync session", name) if answer else None

    def use(self, tokens: Iterable[Token], place: Place) -> None:
        """Record that the running task uses sessions; report those in use by another task."""
        for token in tokens:
            self.activity.used.setdefault(token, place)
            for running in self.activity.live.values():
                if token in running.tokens:
                    self.report(token, running.place, place)

    def report(self, token: Token, place: Place, other: Place) -> None:
        """Report a session that is used at `place` while `other` uses it."""
        rule = RULES["SG004" if token.kind == "psycopg" else "SG001"]
        node, second = place.node, other.node
        line, other_line = getattr(node, "lineno", 1), getattr(second, "lineno", 0)
        also = ""
        if other.module is not place.module:
            also = f" (also at {other.module.path.name}:{other_line})"
        elif other_line and other_line != line:
            also = f" (also at line {other_line})"
        text = rule.message.format(name=token.name or "session", also=also)
        finding = Finding(
            place.module.path,
            line,
            getattr(node, "col_offset", 0) + 1,
            rule.code,
            text,
            getattr(node, "end_lineno", None) or line,
            (getattr(node, "end_col_offset", None) or 0) + 1,
        )
        place_and_rule = (finding.path, finding.line, finding.column, finding.rule)
        if place_and_rule not in {(f.path, f.line, f.column, f.rule) for f in self.findings}:
            self.findings.add(finding)

    @contextmanager
    def entered(
        self, node: ast.AST, scope: Scope | None = None, called_at: Place | None = None
    ) -> "Iterator[Frame]":
        """Run a function: its results go to a frame of its own."""
        before, self.frame = self.frame, Frame(scope, called_at)
        self.frames.append(self.frame)
        self.stack.append(node)
        try:
            yield self.frame
        finally:
            self.stack.pop()
            self.frames.pop()
            self.frame = before

    @contextmanager
    def aside(self) -> "Iterator[None]":
        """Evaluate definitions of a module, apart from the state of the running function."""
        before = self.activity, self.frame, self.heap, self.one_session_a_request
        self.activity, self.frame, self.heap = Activity(), Frame(), {}
        self.one_session_a_request = False
        try:
            yield
        finally:
            self.module_heap |= self.heap
            self.activity, self.frame, self.heap, self.one_session_a_request = before

    def step(self) -> None:
        """Count an expression. Raises TooLongError when there are too many."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooLongError
