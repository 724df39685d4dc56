"""Attributes of values, and the results of iterating over a value or entering it."""

import ast
from collections import defaultdict

from session_guard.lint.alternatives import join
from session_guard.lint.libraries import HARMLESS, NAMED_SESSION, POSSIBLE_METHODS, words
from session_guard.lint.module import last_name, within
from session_guard.lint.objects import Objects
from session_guard.lint.values import (
    UNKNOWN,
    Arguments,
    Call,
    Class,
    Collection,
    Context,
    Either,
    External,
    Function,
    Instance,
    Literally,
    Maker,
    Many,
    ModuleValue,
    Pending,
    Place,
    Scope,
    Scoped,
    Session,
    Task,
    Value,
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_PROPERTIES = words("property cached_property hybrid_property reify")
MOST_ITEMS = 6


class Attributes(Objects):
    """Reads attributes."""

    def attribute(self, value: Value, name: str, place: Place) -> Value:
        """Return an attribute of a value."""
        match value:
            case ModuleValue(module=module):
                return self.member(module, name)
            case External(path=path):
                each_its_own = "multi_sessions" in place.module.source
                if path.endswith("sqlalchemy.db") and name == "session" and not each_its_own:
                    return self.of_the_context(f"{path}.{name}")
                return External(f"{path}.{name}")
            case Session(token=token):
                if name in ("sync_session", "registry", "sync_connection"):
                    return value
                if name in POSSIBLE_METHODS - HARMLESS - {"info", "bind", "new", "dirty"}:
                    return Pending(frozenset({token}), place=place)
                return UNKNOWN
            case Scoped() if name == "session":
                return value
            case Instance():
                return self._of_instance(value, name, place)
            case Class():
                return self._of_class(value, name)
            case Pending(tokens=tokens):
                return Pending(tokens, place=place)
            case Either(options=options):
                result: Value = UNKNOWN
                for option in options:
                    result = join(result, self.attribute(option, name, place))
                return result
        return UNKNOWN

    def of_the_context(self, key: str) -> Session:
        """Return the one session that all tasks of a context share under a name."""
        session = self.dependencies.get(key)
        if not isinstance(session, Session):
            session = self.dependencies[key] = self.session(name=key.rpartition(".")[2])
        return session

    def _of_class(self, home: Class, name: str) -> Value:
        defined = self.in_class(home, name)
        match defined:
            case ((ast.FunctionDef() | ast.AsyncFunctionDef()) as node, owner):
                receiver = home if _decorated(node, {"classmethod"}) else None
                return Function(node, owner.scope, receiver, owner)
            case (ast.Assign() | ast.AnnAssign()) as node, owner if node.value is not None:
                return self.evaluate(node.value, owner.scope)
        return UNKNOWN

    def _of_instance(self, value: Instance, name: str, place: Place) -> Value:
        parts = self.parts(value)
        if name in parts:
            return parts[name]
        if value.home is None:
            return self._of_unknown(value, name, place)
        defined = self.in_class(value.home, name)
        match defined:
            case ((ast.FunctionDef() | ast.AsyncFunctionDef()) as node, owner):
                method = Function(node, owner.scope, value, owner)
                if _decorated(node, _PROPERTIES):
                    result = self.run_function(method, Arguments(), place)
                    if _decorated(node, {"cached_property"}):
                        self.set_part(value, name, result)
                    return result
                return method
        if (value, name) in self.lazy:
            return self.lazy[value, name]
        if self.initialise(value, place) and name in self.parts(value):
            return self.parts(value)[name]
        result = self._defined_in_class(defined)
        if result is UNKNOWN:
            result = self._set_elsewhere(value, name, place)
        if result is UNKNOWN:
            result = self._of_unknown(value, name, place)
        if isinstance(result, Session) and not result.token.name:
            result.token.name = name
        self.lazy[value, name] = result
        return result

    def initialise(self, value: Instance, place: Place) -> bool:
        """Follow the `__init__` of an object that was given to a function, once."""
        if not value.given or value.home is None:
            return False
        value.given = False
        start = self.in_class(value.home, "__init__")
        if not start or not isinstance(start[0], FunctionNode) or start[0] in self.stack:
            return True
        function = Function(start[0], start[1].scope, value, start[1])
        scope = self.bind(function, Arguments(), place, as_root=True)
        with self.entered(start[0]):
            self.execute(start[0].body, scope)
        return True

    def _defined_in_class(self, defined: tuple[ast.AST, Class] | None) -> Value:
        match defined:
            case (ast.AnnAssign(annotation=annotation, value=content), owner):
                typed = self.instance_of(annotation, owner.scope)
                if typed is not UNKNOWN or content is None:
                    return typed
                return self.evaluate(content, owner.scope)
            case (ast.Assign(value=content), owner):
                return self.evaluate(content, owner.scope)
        return UNKNOWN

    def _set_elsewhere(self, value: Instance, name: str, place: Place) -> Value:
        """Return the value that a method other than `__init__` gives to an attribute."""
        result: Value = UNKNOWN
        homes = [value.home, *self.bases(value.home)] if value.home else []
        for home in homes:
            if not isinstance(home, Class):
                continue
            for method, content in _assignments(home.node).get(name, ()):
                if method in self.stack:
                    continue
                function = Function(method, home.scope, value, home)
                with self.entered(method):
                    scope = self.bind(function, Arguments(), place, as_root=True)
                    result = join(result, self.evaluate(content, scope))
        return result

    def _of_unknown(self, value: Instance, name: str, place: Place) -> Value:
        if value.held:
            if len(value.held) == 1 and NAMED_SESSION.fullmatch(name):
                return Session(next(iter(value.held)))
            return Pending(value.held, place=place)
        if value.home is not None:
            return self.guess(name, Scope(value.home.scope.module), is_async=True) or UNKNOWN
        return UNKNOWN

    def iterate(self, value: Value, place: Place) -> list[Value]:
        """Return the values of a loop over `value`; two values if their number is unknown."""
        match value:
            case Collection(items=items, keys=keys):
                if keys is not None:
                    return [Literally(key) for key in keys[:MOST_ITEMS]]
                return list(items[:MOST_ITEMS])
            case Many(form=form):
                return [self.instance_of(form.node, form.scope) for _ in range(2)]
            case Session():
                return [value]
            case Call(form="generator"):
                result = self.run(value)
                return list(result.items) if isinstance(result, Collection) else [result]
            case Pending(tokens=tokens):
                self.use(tokens, place)
                if value.result is not UNKNOWN:
                    return self.iterate(value.result, place)
            case Task():
                return [value, value]
            case Either(options=options):
                lists = [self.iterate(option, place) for option in options]
                return max(lists, key=len)
        return [UNKNOWN, UNKNOWN]

    def enter(self, value: Value, place: Place) -> Value:
        """Return the value that `with value as name` binds."""
        match value:
            case Context(result=result):
                return result
            case Maker(kind=kind):  # the guess was wrong: it is a session
                return self.session(kind)
            case Call(form="generator"):
                yielded = self.run(value)
                return yielded.items[0] if isinstance(yielded, Collection) else yielded
            case Call(form="coroutine"):
                return self.enter(self.run(value), place)
            case Pending(tokens=tokens):
                self.use(tokens, place)
                return value.result
            case Instance(home=Class() as home):
                for name in ("__aenter__", "__enter__"):
                    method = self.in_class(home, name)
                    if method and isinstance(method[0], FunctionNode):
                        function = Function(method[0], method[1].scope, value, method[1])
                        result = self.run_function(function, Arguments(), place)
                        return value if result is UNKNOWN else result
                return value
            case Either(options=options):
                entered: Value = UNKNOWN
                for option in options:
                    entered = join(entered, self.enter(option, place))
                return entered
        return value


def _decorated(node: ast.AST, names: frozenset[str] | set[str]) -> bool:
    return isinstance(node, FunctionNode) and any(
        last_name(decorator) in names for decorator in node.decorator_list
    )


def _assignments(home: ast.ClassDef) -> dict[str, list[tuple[FunctionNode, ast.expr]]]:
    """Return the assignments to each attribute of `self` in the methods of a class."""
    known: dict[str, list[tuple[FunctionNode, ast.expr]]] | None
    known = getattr(home, "_assignments", None)
    if known is None:
        known = defaultdict(list)
        for method in home.body:
            if not isinstance(method, FunctionNode):
                continue
            for node in within(method):
                match node:
                    case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)]):
                        known[name].append((method, node.value))
                    case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                        if node.value is not None:
                            known[name].append((method, node.value))
        home._assignments = known  # type: ignore[attr-defined]  # read many times
    return known
