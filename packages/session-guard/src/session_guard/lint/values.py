"""The kinds of values that the lint distinguishes when it follows a program."""

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from session_guard.lint.module import Module

Kind = Literal["session", "sync session", "connection", "asyncpg", "psycopg"]


@dataclass(frozen=True, eq=False)
class Place:
    """A node of a file."""

    node: ast.AST
    module: "Module"


@dataclass(eq=False)
class Token:
    """The identity of one session or connection, with the name that reports give it."""

    name: str
    kind: Kind = "session"
    framework_closes: bool = False
    """True if a framework closes the session when the function has returned."""
    guessed: bool = False
    """True if only the name of its maker says that it is a session."""


@dataclass(eq=False)
class Scope:
    """The names of a running function. Other names are searched in `parent`."""

    module: "Module"
    parent: "Scope | None" = None
    names: dict[str, "Value"] = field(default_factory=dict)
    function: ast.AST | None = None
    outer: set[str] = field(default_factory=set)
    """The names that a `nonlocal` statement takes from the parent."""
    home: "Class | None" = None
    """The class in which the running method is defined."""


class Value:
    """An unknown value."""


UNKNOWN = Value()


@dataclass(eq=False)
class Literally(Value):
    """A constant of the source: a string, a number, None."""

    content: object


@dataclass(eq=False)
class Session(Value):
    """A session or connection."""

    token: Token


@dataclass(eq=False)
class Maker(Value):
    """A callable that returns a new session each time, such as a sessionmaker."""

    kind: Kind = "session"


@dataclass(eq=False)
class Scoped(Value):
    """A registry that gives each task or thread a session of its own, as scoped_session does."""

    kind: Kind = "session"


@dataclass(eq=False)
class Engine(Value):
    """An engine or connection pool. `kind` is the kind of the connections that it gives."""

    kind: Kind = "connection"


@dataclass(eq=False)
class External(Value):
    """An object from outside the given paths. `path` is its dotted name.

    `?.x` is a name without a definition; `.x` comes from a relative import without a file.
    """

    path: str

    @property
    def last(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(eq=False)
class ModuleValue(Value):
    """A module within the given paths."""

    module: "Module"


@dataclass(eq=False)
class Function(Value):
    """A function of the given paths, bound to `receiver` if it is a method."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    receiver: Value | None = None
    home: "Class | None" = None


@dataclass(eq=False)
class Class(Value):
    """A class of the given paths."""

    node: ast.ClassDef
    scope: Scope


@dataclass(eq=False)
class Instance(Value):
    """An object. Its attributes are in the heap of the lint's interpreter.

    `held` are the sessions that it may use if its class is not known.
    """

    home: Class | None
    held: frozenset[Token] = frozenset()
    given: bool = False
    """True for a parameter: its state before the call is not known."""


@dataclass(eq=False)
class Pending(Value):
    """The result of a call that could not be followed, with the sessions that running it uses."""

    tokens: frozenset[Token]
    result: Value = UNKNOWN
    place: Place | None = None


@dataclass(eq=False)
class Call(Value):
    """A call that has not run yet: a coroutine, a generator, a partial, a thread's target."""

    target: Value
    arguments: "Arguments"
    place: Place
    form: Literal["coroutine", "generator", "partial", "thread", "deferred"] = "coroutine"


@dataclass
class Arguments:
    """Positional and keyword arguments of a call."""

    positional: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)

    def everything(self) -> list[Value]:
        return [*self.positional, *self.keywords.values()]


@dataclass(eq=False)
class Task(Value):
    """A handle of one or more running tasks. Awaiting it joins all of them."""

    numbers: frozenset[int]
    result: Value = UNKNOWN


@dataclass(eq=False)
class Group(Value):
    """A task group, or a thread pool: leaving it joins the tasks that it has started."""

    one_at_a_time: bool = False
    started: set[int] = field(default_factory=set)


@dataclass(eq=False)
class Collection(Value):
    """A list, tuple, set, dict or generator of known items. Immutable: appending makes another."""

    items: tuple[Value, ...] = ()
    keys: tuple[object, ...] | None = None


@dataclass(eq=False)
class TypeForm(Value):
    """An annotation that is stored in a name, such as `Annotated[AsyncSession, Depends(get)]`."""

    node: ast.expr
    scope: Scope


@dataclass(eq=False)
class Many(Value):
    """Any number of values of one type: each iteration gives another."""

    form: TypeForm


@dataclass(eq=False)
class Returns(Value):
    """A callable of which only the type of its result is known."""

    form: TypeForm


@dataclass(eq=False)
class Context(Value):
    """A context manager whose `with` gives `result`."""

    result: Value


@dataclass(eq=False)
class Variable(Value):
    """A ContextVar that holds a session."""

    token: Token


@dataclass(eq=False)
class Either(Value):
    """One of several values."""

    options: tuple[Value, ...]
