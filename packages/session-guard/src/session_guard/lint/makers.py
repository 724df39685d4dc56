"""Calls of functions outside the given paths, which make sessions, engines and task groups."""

import ast
import re

from session_guard.lint.alternatives import join
from session_guard.lint.annotations import pool_kind
from session_guard.lint.attributes import Attributes
from session_guard.lint.libraries import (
    ENGINE_MAKERS,
    NAMED_SESSION,
    POOLS,
    SCOPED,
    SESSION_MAKERS,
    SQLALCHEMY,
    STRONG_MAKER,
    WEAK_MAKER,
    is_foreign,
    session_kind,
    words,
)
from session_guard.lint.values import (
    UNKNOWN,
    Arguments,
    Call,
    Class,
    Collection,
    Either,
    Engine,
    External,
    Function,
    Group,
    Instance,
    Kind,
    Literally,
    Maker,
    Pending,
    Place,
    Returns,
    Scoped,
    Session,
    TypeForm,
    Value,
)

_OF_A_DATABASE = re.compile(r"\w*(db|database|sqlalchemy|orm|session|postgres)\w*")
_MAKES_MAKER = re.compile(r"_*(get|create|make|build|init|new)_\w*(maker|factory)")
_PER_TASK = re.compile(r"current_task|get_ident|getcurrent|get_current|current_thread")
_PASS_ITEMS = words(
    "list tuple set frozenset sorted reversed iter chain from_iterable islice deque tqdm"
)


class Makers(Attributes):
    """Calls values."""

    def call(self, target: Value, arguments: Arguments, place: Place) -> Value:
        """Return the result of calling a value."""
        self.step()
        match target:
            case Function():
                return self.call_function(target, arguments, place)
            case Class():
                return self.make(target, arguments, place)
            case Maker(kind=kind) | Scoped(kind=kind):
                return self.session(kind)
            case Returns(form=form):
                return self.instance_of(form.node, form.scope)
            case TypeForm():
                return self.instance_of(target.node, target.scope)
            case Call(form="partial"):
                merged = Arguments(
                    [*target.arguments.positional, *arguments.positional],
                    target.arguments.keywords | arguments.keywords,
                )
                return self.call(target.target, merged, place)
            case Instance(home=Class() as home):
                method = self.in_class(home, "__call__")
                if method and isinstance(method[0], ast.FunctionDef | ast.AsyncFunctionDef):
                    function = Function(method[0], method[1].scope, target, method[1])
                    return self.call_function(function, arguments, place)
            case External():
                return self.call_external(target, arguments, place)
            case Either(options=options):
                result: Value = UNKNOWN
                for option in options:
                    result = join(result, self.call(option, arguments, place))
                return result
            case Session(token=token):  # the guess was wrong: it is a maker
                return self.session(token.kind)
        return Pending(self.held(target) | self.held_by(arguments), place=place)

    def held_by(self, arguments: Arguments) -> frozenset:  # type: ignore[type-arg]
        """Return the sessions that the arguments of a call hold."""
        return frozenset().union(*map(self.held, arguments.everything()))

    def call_external(self, target: External, arguments: Arguments, place: Place) -> Value:
        """Return the result of a function from outside the given paths."""
        path, last = target.path, target.last
        if is_foreign(path) and path not in POOLS:
            return Pending(self.held_by(arguments), place=place)
        made = self._session_of(target, arguments, place)
        if made is not None:
            return made
        if last in ENGINE_MAKERS:
            return Engine()
        if path in POOLS:
            return Engine(pool_kind(path))
        if last == "ThreadPoolExecutor":
            size = [*arguments.positional, *arguments.keywords.values()][:1]
            return Group(any(isinstance(n, Literally) and n.content == 1 for n in size))
        if last in ("TaskGroup", "create_task_group", "open_nursery", "TaskPool"):
            return Group()
        if last in ("next", "anext", "__anext__", "aclosing", "closing", "contextmanager"):
            source = arguments.positional[0] if arguments.positional else UNKNOWN
            items = self.iterate(source, place) if source is not UNKNOWN else [UNKNOWN]
            return items[0] if items else UNKNOWN
        if last in _PASS_ITEMS or last in ("cycle", "enumerate", "zip"):
            return self._items_of(last, arguments, place)
        if last == "dict":
            return Collection(tuple(arguments.keywords.values()), tuple(arguments.keywords))
        if last == "SQLAlchemy":
            return Scoped("sync session")
        if last[:1].isupper() and not path.startswith("builtins."):
            held = self.held_by(arguments)
            return Instance(None, held) if held else UNKNOWN
        return Pending(self.held_by(arguments), place=place)

    def _items_of(self, last: str, arguments: Arguments, place: Place) -> Value:
        items: list[Value] = []
        sources = arguments.positional
        if last == "zip":
            rows = [self.iterate(source, place) for source in sources]
            length = min(map(len, rows), default=0)
            return Collection(
                tuple(Collection(tuple(row[n] for row in rows)) for n in range(length))
            )
        for source in sources[:1] if last != "chain" else sources:
            parts = self.iterate(source, place)
            if last == "from_iterable":
                parts = [inner for part in parts for inner in self.iterate(part, place)]
            items += parts
        if last == "enumerate":
            items = [Collection((UNKNOWN, item)) for item in items]
        return Collection(tuple(items))

    def _session_of(self, target: External, arguments: Arguments, place: Place) -> Value | None:
        """Return the session, maker or registry that a call gives, or None."""
        path, last, module = target.path, target.last, place.module
        parent = path.rpartition(".")[0]
        kind = session_kind(path, module.uses_sqlalchemy)
        if last == "connect" and kind is None:
            kind = session_kind(parent, module.uses_sqlalchemy)
            kind = kind if kind in ("asyncpg", "psycopg") else None
        if kind:
            return self.session(kind)
        if last in SESSION_MAKERS:
            if self._makes_async(arguments):
                return Maker("session")
            return Maker(SESSION_MAKERS[last])
        if last in SCOPED:
            return self._registry(last, arguments, place)
        top = path.partition(".")[0]
        if top in SQLALCHEMY or path.startswith("builtins."):
            return None
        if _MAKES_MAKER.fullmatch(last) and (module.uses_sqlalchemy or "session" in last):
            return Maker()
        if STRONG_MAKER.fullmatch(last):
            return self.session()
        ours = module.uses_sqlalchemy or (
            parent.strip("?.") and any(map(_OF_A_DATABASE.fullmatch, parent.split(".")))
        )
        if ours and WEAK_MAKER.fullmatch(last) and not _looks_up(arguments):
            session = self.session()
            session.token.guessed = True
            return session
        return None

    def _makes_async(self, arguments: Arguments) -> bool:
        class_ = arguments.keywords.get("class_")
        return isinstance(class_, External) and class_.last == "AsyncSession"

    def _registry(self, last: str, arguments: Arguments, place: Place) -> Value:
        maker = arguments.positional[0] if arguments.positional else UNKNOWN
        is_async = last == "async_scoped_session" or (
            isinstance(maker, Maker) and maker.kind == "session"
        )
        kind: Kind = "session" if is_async else "sync session"
        scope = [*arguments.positional[1:], *arguments.keywords.values()][:1]
        if not scope:  # one for each thread
            return self.session() if is_async else Scoped(kind)
        node = place.node
        text = _text_of(scope[0])
        if isinstance(node, ast.Call):
            text += " ".join(map(ast.unparse, [*node.args[1:], *(k.value for k in node.keywords)]))
        if _PER_TASK.search(text) or (scope[0] is UNKNOWN and text.isidentifier()):
            return Scoped(kind)
        session = self.session(kind)
        session.token.guessed = True  # not a session of the module: each scope has its own
        return session


def _text_of(value: Value) -> str:
    """Return the source text of a function, by which a registry tells its sessions apart."""
    match value:
        case Function(node=node):
            return ast.unparse(node)
        case External(path=path):
            return path
        case Pending(place=Place(node=node)):
            return ast.unparse(node)
        case Either(options=options):
            return " ".join(map(_text_of, options))
    return ""


def _looks_up(arguments: Arguments) -> bool:
    """Return whether the arguments select a stored session, as in `get_session(session_id)`."""
    return any(
        not isinstance(value, Engine | External | Maker | Instance)
        for value in arguments.positional
    ) and not all(NAMED_SESSION.fullmatch(name) for name in arguments.keywords)
