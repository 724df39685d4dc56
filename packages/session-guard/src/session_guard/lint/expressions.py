"""Expressions."""

import ast
import re

from session_guard.lint.alternatives import join
from session_guard.lint.module import last_name
from session_guard.lint.starts import Starts
from session_guard.lint.values import (
    UNKNOWN,
    Class,
    Collection,
    External,
    Function,
    Literally,
    Many,
    Pending,
    Place,
    Scope,
    TypeForm,
    Value,
)

_REGISTRY = re.compile(r"_*(\w+_)?db|database|sqlalchemy", re.IGNORECASE)
_COMPREHENSION = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class Expressions(Starts):
    """Evaluates expressions."""

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of an expression, and record its use of sessions and tasks."""
        self.step()
        match node:
            case ast.Name(id=name):
                return self.name(name, scope)
            case ast.Constant(value=content):
                return Literally(content)
            case ast.Call():
                return self.call_expression(node, scope)
            case ast.Await(value=inner):
                return self.wait_for(self.evaluate(inner, scope), Place(node, scope.module))
            case ast.Attribute(value=inner, attr=name):
                return self.read_attribute(node, self.evaluate(inner, scope), name, scope)
            case ast.Subscript():
                return self._subscript(node, scope)
            case ast.Lambda():
                return Function(node, scope, home=scope.home)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return Collection(tuple(self.spread(parts, scope)))
            case ast.Dict(keys=keys, values=values):
                return self._dict(keys, values, scope)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return Collection(tuple(self._comprehension(node, node.generators, scope)))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self.evaluate(test, scope)
                return join(self.evaluate(body, scope), self.evaluate(orelse, scope))
            case ast.BoolOp(values=values):
                return self._first_true([self.evaluate(value, scope) for value in values])
            case ast.NamedExpr(target=target, value=inner):
                value = self.evaluate(inner, scope)
                self.assign(target, value, scope)
                return value
            case ast.BinOp(left=left, op=operator, right=right):
                return self._combined(node, operator, left, right, scope)
            case ast.Yield(value=inner):
                self.frame.yields.append(self.evaluate(inner, scope) if inner else UNKNOWN)
                return UNKNOWN
            case ast.YieldFrom(value=inner):
                place = Place(node, scope.module)
                self.frame.yields += self.iterate(self.evaluate(inner, scope), place)
                return UNKNOWN
            case ast.Starred(value=inner):
                return self.evaluate(inner, scope)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child, scope)
        return UNKNOWN

    def call_expression(self, node: ast.Call, scope: Scope) -> Value:
        """Return the value of a call."""
        raise NotImplementedError

    def spread(self, parts: list[ast.expr], scope: Scope) -> list[Value]:
        items: list[Value] = []
        for part in parts:
            value = self.evaluate(part, scope)
            if isinstance(part, ast.Starred):
                if value is not UNKNOWN and not isinstance(value, External | Literally):
                    items += self.iterate(value, Place(part, scope.module))
            else:
                items.append(value)
        return items

    def _dict(
        self, keys: list[ast.expr | None], values: list[ast.expr], scope: Scope
    ) -> Collection:
        names: list[object] = []
        items: list[Value] = []
        for key, value in zip(keys, values, strict=True):
            content = self.evaluate(value, scope)
            if key is None and isinstance(content, Collection) and content.keys is not None:
                names += content.keys
                items += content.items
                continue
            names.append(key.value if isinstance(key, ast.Constant) else None)
            items.append(content)
        return Collection(tuple(items), tuple(names))

    def _comprehension(
        self, node: _COMPREHENSION, generators: list[ast.comprehension], scope: Scope
    ) -> list[Value]:
        if not generators:
            if isinstance(node, ast.DictComp):
                self.evaluate(node.key, scope)
                return [self.evaluate(node.value, scope)]
            return [self.evaluate(node.elt, scope)]
        first, *rest = generators
        place = Place(first.iter, scope.module)
        items: list[Value] = []
        for item in self.iterate(self.evaluate(first.iter, scope), place):
            inner = Scope(scope.module, scope, function=scope.function, home=scope.home)
            self.assign(first.target, item, inner)
            for test in first.ifs:
                self.evaluate(test, inner)
            items += self._comprehension(node, rest, inner)
        return items

    def _first_true(self, values: list[Value]) -> Value:
        result: Value = UNKNOWN
        for value in values:
            if isinstance(value, Literally) and value.content is None:
                continue
            result = join(result, value)
        return result

    def _combined(
        self, node: ast.BinOp, operator: ast.operator, left: ast.expr, right: ast.expr, scope: Scope
    ) -> Value:
        first, second = self.evaluate(left, scope), self.evaluate(right, scope)
        if isinstance(operator, ast.Add):
            if isinstance(first, Collection) and isinstance(second, Collection):
                return Collection((*first.items, *second.items))
            return first if isinstance(first, Collection) else second
        if isinstance(operator, ast.Mult) and isinstance(first, Collection):
            return Collection(first.items * 2)
        types = External | Class | TypeForm
        if isinstance(operator, ast.BitOr) and (
            isinstance(first, types) or isinstance(second, types)
        ):
            return TypeForm(node, scope)
        return UNKNOWN

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        match value:
            case External() | Class() | TypeForm() if not isinstance(node.slice, ast.Constant):
                return TypeForm(node, scope)
            case Collection() | Many() | Pending():
                return self.item(value, self.evaluate(node.slice, scope))
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return self._path(node, node.slice.value, scope)
        self.evaluate(node.slice, scope)
        return UNKNOWN

    def read_attribute(self, node: ast.Attribute, value: Value, name: str, scope: Scope) -> Value:
        if name == "awaitable_attrs":
            # It loads rows through the session of the object, without naming the session.
            tokens = frozenset({self.of_the_context("awaitable_attrs").token})
            return Pending(tokens, place=Place(node, scope.module))
        result = self.attribute(value, name, Place(node, scope.module))
        unknown = value is UNKNOWN or (
            isinstance(value, External) and value.path.startswith(("?", "builtins."))
        )
        # `db.session` is by convention a registry, in Flask-SQLAlchemy and libraries like it.
        registry = name == "session" and _REGISTRY.fullmatch(last_name(node.value))
        if unknown and not registry and (result is UNKNOWN or isinstance(result, External)):
            known = self._path(node, name, scope)
            return result if known is UNKNOWN else known
        return result

    def _path(self, node: ast.expr, name: str, scope: Scope) -> Value:
        """Return the session in an unknown object, such as `request.state.db`."""
        text = ast.unparse(node)
        place: Scope | None = scope
        while place is not None:
            if text in place.names:
                return place.names[text]
            place = place.parent
        key = ("path", scope.function, text)
        if key not in self.dependencies:
            guessed = self.guess(name, scope, is_async=True)
            if guessed is not None:
                guessed.token.name = text
            self.dependencies[key] = guessed or UNKNOWN
        return self.dependencies[key]
