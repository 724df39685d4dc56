"""Annotations: the value that a parameter or attribute of a type has."""

import ast

from session_guard.lint.alternatives import join
from session_guard.lint.libraries import (
    ENGINES,
    POOLS,
    SCOPED,
    SESSION_MAKERS,
    is_foreign,
    session_kind,
    words,
)
from session_guard.lint.names import Names
from session_guard.lint.values import (
    UNKNOWN,
    Class,
    Context,
    Engine,
    External,
    Group,
    Instance,
    Kind,
    Maker,
    Many,
    Pending,
    Returns,
    Scope,
    Scoped,
    Session,
    Token,
    TypeForm,
    Value,
    Variable,
)

_TRANSPARENT = words("Annotated Optional Final ClassVar Required NotRequired ReadOnly")
_MANY = words(
    "list set frozenset tuple Sequence Iterable Iterator Generator AsyncIterator "
    "AsyncGenerator AsyncIterable Collection List Set Tuple deque Queue"
)
_CONTEXTS = words(
    "AsyncContextManager ContextManager AbstractAsyncContextManager AbstractContextManager"
)
_NO_INSTANCE = words("type Type Literal Mapped Factory Select Result ScalarResult Row")


class Annotations(Names):
    """Reads annotations."""

    def instance_of(self, node: ast.expr, scope: Scope) -> Value:
        """Return a new value of the annotated type; UNKNOWN where the type says nothing."""
        self.step()
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self.instance_of(ast.parse(text, mode="eval").body, scope)
                except (SyntaxError, ValueError):
                    return UNKNOWN
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return join(self.instance_of(left, scope), self.instance_of(right, scope))
            case ast.Subscript(value=base, slice=argument):
                return self._generic(base, argument, scope)
            case ast.Name() | ast.Attribute():
                return self._of_type(self.evaluate(node, scope), scope)
        return UNKNOWN

    def _of_type(self, form: Value, scope: Scope) -> Value:
        match form:
            case TypeForm(node=node, scope=inner):
                return self.instance_of(node, inner)
            case Class():
                kind = self.kind_of_class(form)
                return self.typed_session(kind) if kind else Instance(form, given=True)
            case External(path=path, last=last):
                kind = session_kind(path, scope.module.uses_sqlalchemy)
                if kind:
                    return self.typed_session(kind)
                if is_foreign(path):
                    return UNKNOWN
                if last in SESSION_MAKERS:
                    return Maker(SESSION_MAKERS[last])
                if last in SCOPED:
                    return Scoped("session" if last.startswith("async") else "sync session")
                if last in ENGINES:
                    return Engine()
                if path in POOLS:
                    return Engine(pool_kind(path))
                if last in ("TaskGroup", "Nursery", "ThreadPoolExecutor", "Executor"):
                    return Group()
        return UNKNOWN

    def _generic(self, base: ast.expr, argument: ast.expr, scope: Scope) -> Value:
        value = self.evaluate(base, scope)
        parts = argument.elts if isinstance(argument, ast.Tuple) else [argument]
        last = value.last if isinstance(value, External) else ""
        if last in _TRANSPARENT:
            return self.instance_of(parts[0], scope)
        if last == "Union":
            result: Value = UNKNOWN
            for part in parts:
                result = join(result, self.instance_of(part, scope))
            return result
        if last in _MANY:
            return Many(TypeForm(parts[0], scope)) if parts else UNKNOWN
        if last in _CONTEXTS:
            return Context(self.instance_of(parts[0], scope))
        if last in ("dict", "Dict", "Mapping", "MutableMapping", "defaultdict") and len(parts) > 1:
            return Many(TypeForm(parts[1], scope))
        if last in ("Awaitable", "Coroutine", "Future", "Task"):
            return Pending(frozenset(), self.instance_of(parts[-1], scope))
        if last == "Callable":
            return Returns(TypeForm(parts[-1], scope))
        if last == "ContextVar":
            held = self.instance_of(parts[0], scope)
            return Variable(held.token) if isinstance(held, Session) else UNKNOWN
        if last in _NO_INSTANCE:
            return UNKNOWN
        form = self._of_type(value, scope)
        if form is UNKNOWN and len(parts) == 1 and isinstance(value, External):
            # A wrapper of a framework, as dishka's FromDishka[AsyncSession].
            return self.instance_of(parts[0], scope)
        return form

    def typed_session(self, kind: Kind) -> Session:
        """Return the session of an annotated parameter.

        A container of dependencies gives the same to all objects of one request.
        """
        if not self.one_session_a_request:
            return self.session(kind)
        session = self.dependencies.setdefault(kind, Session(Token("", kind, True)))
        return session if isinstance(session, Session) else self.session(kind)

    def kind_of_class(self, home: Class) -> Kind | None:
        """Return the kind of session that a class of the given paths derives from."""
        for base in self.externals(home):
            kind = session_kind(base.path, home.scope.module.uses_sqlalchemy)
            if kind:
                return kind
        return None


def pool_kind(path: str) -> Kind:
    """Return the kind of connections that a pool of another library gives."""
    return "psycopg" if POOLS[path] == "psycopg" else "asyncpg"
