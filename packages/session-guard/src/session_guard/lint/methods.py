"""Methods of sessions, engines, tasks and collections."""

import ast

from session_guard.lint.libraries import AWAITED_METHODS, HARMLESS, words
from session_guard.lint.makers import Makers
from session_guard.lint.values import (
    UNKNOWN,
    Arguments,
    Call,
    Class,
    Collection,
    Context,
    Engine,
    Function,
    Instance,
    Literally,
    Maker,
    Many,
    Pending,
    Place,
    Scope,
    Scoped,
    Session,
    Task,
    Value,
    Variable,
)

_ADDS = words("append add appendleft put_nowait insert extend update put push")
_NEVER_AWAITED = words("add add_all expunge expunge_all expire expire_all")
_TAKES = words("pop popleft get setdefault")
_WAITS = words("result exception cancel done join wait cancelled is_alive get_result gather")


class Methods(Makers):
    """Calls methods."""

    def call_method(
        self, node: ast.Call, receiver: Value, arguments: Arguments, scope: Scope
    ) -> Value | None:
        """Return the result of `receiver.name(...)`; None for an unknown kind of receiver."""
        assert isinstance(node.func, ast.Attribute)
        name, place = node.func.attr, Place(node, scope.module)
        match receiver:
            case Session():
                return self._of_session(receiver, name, arguments, place)
            case Maker(kind=kind):
                return Context(self.session(kind)) if name == "begin" else UNKNOWN
            case Scoped(kind=kind):
                return self.session(kind) if name in ("registry", "begin", "session") else UNKNOWN
            case Engine(kind=kind):
                if name in ("connect", "begin", "acquire", "connection", "getconn"):
                    return self.session(kind)
                return UNKNOWN
            case Task():
                return self.wait_for(receiver, place) if name in _WAITS else UNKNOWN
            case Variable(token=token):
                if name == "set":
                    return self._set_variable(receiver, arguments)
                return self.variables.get(receiver, Session(token))
            case Collection():
                return self._of_collection(node.func.value, receiver, name, arguments, scope)
            case Many(form=form) if name in ("values", "pop", "get", "get_nowait", "popleft"):
                return receiver if name == "values" else self.instance_of(form.node, form.scope)
            case Call(form="thread"):
                if name == "start":
                    task = self.start(
                        Call(receiver.target, receiver.arguments, place, "deferred"), place
                    )
                    self.threads[receiver] = task
                    return UNKNOWN
                if name == "join" and receiver in self.threads:
                    return self.wait_for(self.threads[receiver], place)
                return UNKNOWN
            case Call(form="generator") if name in ("__anext__", "__next__", "asend", "send"):
                items = self.iterate(receiver, place)
                return items[0] if items else UNKNOWN
            case Instance(home=Class() as home) if name in ("start", "join"):
                return self._of_thread(receiver, home, name, place)
        return None

    def _of_session(
        self, session: Session, name: str, arguments: Arguments, place: Place
    ) -> Value | None:
        tokens = frozenset({session.token})
        is_async = session.token.kind != "sync session"
        if name in HARMLESS:
            return UNKNOWN
        if name in ("begin", "begin_nested", "transaction"):
            return Context(session)
        if name in ("__aenter__", "__enter__"):
            return session
        if name == "query":
            self.use(tokens, place)
            return Pending(tokens, place=place)
        if name in ("session_factory", "sessionmaker", "session_maker"):
            return self.session()
        if is_async and name in AWAITED_METHODS:
            return Pending(tokens, place=place)
        if name in AWAITED_METHODS | _NEVER_AWAITED:
            self.use(tokens, place)
            return UNKNOWN
        return Pending(tokens, place=place)

    def _set_variable(self, variable: Variable, arguments: Arguments) -> Value:
        if arguments.positional:
            self.variables[variable] = arguments.positional[0]
        return UNKNOWN

    def _of_collection(
        self, owner: ast.expr, value: Collection, name: str, arguments: Arguments, scope: Scope
    ) -> Value:
        place = Place(owner, scope.module)
        if name in _ADDS and arguments.positional:
            new = arguments.positional[-1]
            added = [new]
            if name in ("extend", "update"):
                added = list(new.items) if isinstance(new, Collection) else self.iterate(new, place)
            self.add_items(owner, added, scope)
            return UNKNOWN
        if name in ("values", "copy", "union"):
            return Collection(value.items)
        if name == "items":
            pairs = zip(value.keys or value.items, value.items, strict=False)
            return Collection(tuple(Collection((Literally(key), item)) for key, item in pairs))
        if name in _TAKES:
            key = arguments.positional[0] if arguments.positional else UNKNOWN
            if name == "setdefault" and len(arguments.positional) == 2:
                self.add_items(owner, [arguments.positional[1]], scope)
            return self.item(value, key)
        if name == "clear":
            self.assign(owner, Collection(), scope)
        return UNKNOWN

    def item(self, value: Value, key: Value) -> Value:
        """Return `value[key]`."""
        if isinstance(value, Many):
            return self.instance_of(value.form.node, value.form.scope)
        if isinstance(value, Pending | Instance | Task):
            return value if not isinstance(value, Instance) else UNKNOWN
        if not isinstance(value, Collection) or not value.items:
            return UNKNOWN
        content = key.content if isinstance(key, Literally) else None
        if value.keys is not None:
            for known, item in zip(value.keys, value.items, strict=False):
                if known is not None and known == content:
                    return item
        elif isinstance(content, int) and -len(value.items) <= content < len(value.items):
            return value.items[content]
        return value.items[0] if content is None else UNKNOWN

    def add_items(self, owner: ast.expr, items: list[Value], scope: Scope) -> None:
        """Add items to the collection that an expression names."""
        while isinstance(owner, ast.Subscript | ast.Call):
            owner = owner.value if isinstance(owner, ast.Subscript) else owner.func
            if isinstance(owner, ast.Attribute) and owner.attr in ("setdefault", "get"):
                owner = owner.value
        before = self.evaluate(owner, scope)
        known = before.items if isinstance(before, Collection) else ()
        keys = before.keys if isinstance(before, Collection) else None
        if keys is not None:
            keys = (*keys, *(None for _ in items))
        self.assign(owner, Collection((*known, *items), keys), scope)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target of an assignment its value."""
        raise NotImplementedError

    def _of_thread(self, value: Instance, home: Class, name: str, place: Place) -> Value | None:
        """Start or join an object of a class that derives from Thread."""
        if not any(base.last in ("Thread", "QThread") for base in self.externals(home)):
            return None
        if name == "join" and value in self.threads:
            return self.wait_for(self.threads[value], place)
        method = self.in_class(home, "run")
        if name == "start" and method and isinstance(method[0], ast.FunctionDef):
            run = Function(method[0], method[1].scope, value, method[1])
            self.threads[value] = self.start(Call(run, Arguments(), place, "deferred"), place)
        return UNKNOWN
