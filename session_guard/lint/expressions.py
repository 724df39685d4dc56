"""Expressions."""

import ast
import re

from session_guard.lint.module import last_name
from session_guard.lint.starts import Starts
from session_guard.lint.values import (
    UNKNOWN,
    Arguments,
    Call,
    Class,
    Collection,
    External,
    Function,
    Instance,
    Literally,
    Maker,
    Many,
    Pending,
    Place,
    Scope,
    TypeForm,
    Value,
    join,
    options,
)

_ENGINE = re.compile(r"_?(\w+_)?engine")
_COMPREHENSION = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class Expressions(Starts):
    """Evaluates expressions."""

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """Return the value of an expression, and note what evaluating it uses and starts."""
        self.step()
        match node:
            case ast.Name(id=name):
                return self.name(name, scope)
            case ast.Constant(value=content):
                return Literally(content)
            case ast.Call():
                return self._call(node, scope)
            case ast.Await(value=inner):
                return self.wait_for(self.evaluate(inner, scope), Place(node, scope.module))
            case ast.Attribute(value=inner, attr=name):
                return self._attribute(node, self.evaluate(inner, scope), name, scope)
            case ast.Subscript():
                return self._subscript(node, scope)
            case ast.Lambda():
                return Function(node, scope, home=scope.home)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return Collection(tuple(self._spread(parts, scope)))
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

    def _spread(self, parts: list[ast.expr], scope: Scope) -> list[Value]:
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

    def _attribute(self, node: ast.Attribute, value: Value, name: str, scope: Scope) -> Value:
        if name == "awaitable_attrs":
            # It loads by the session of the object, without naming it.
            tokens = frozenset({self.of_the_context("awaitable_attrs").token})
            return Pending(tokens, place=Place(node, scope.module))
        result = self.attribute(value, name, Place(node, scope.module))
        unknown = value is UNKNOWN or (
            isinstance(value, External) and value.path.startswith(("?", "builtins."))
        )
        if unknown and (result is UNKNOWN or isinstance(result, External)):
            known = self._path(node, name, scope)
            return result if known is UNKNOWN else known
        return result

    def _path(self, node: ast.expr, name: str, scope: Scope) -> Value:
        """Return the session of an object of which nothing is known, as `request.state.db`."""
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

    # Calls.

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        place = Place(node, scope.module)
        function = node.func
        name = last_name(function)
        if isinstance(function, ast.Attribute) and _is_super(function.value):
            return self._call_super(function.attr, self._arguments(node, scope), scope, place)
        if name == "cast" and len(node.args) == 2:
            value = self.evaluate(node.args[1], scope)
            return value if value is not UNKNOWN else self.instance_of(node.args[0], scope)
        if name == "NewType" and len(node.args) == 2:
            return TypeForm(node.args[1], scope)
        receiver: Value | None = None
        if isinstance(function, ast.Attribute):
            receiver = self.evaluate(function.value, scope)
            arguments = self._arguments(node, scope)
            result = self.call_method(node, receiver, arguments, scope)
            if result is not None:
                return result
            target = self._attribute(function, receiver, name, scope)
            if target is UNKNOWN:
                target = External(f"?.{name}")
        else:
            target = self.evaluate(function, scope)
            arguments = self._arguments(node, scope)
        if isinstance(target, Call) and target.form == "partial":
            inner = target.target
            if isinstance(inner, External) and inner.path == "asyncer.soonify":
                return self.call_soonified(target, arguments, place)
        if not any(isinstance(part, Function | Class | Maker | Call) for part in options(target)):
            begun = self.begin(node, receiver, arguments, scope)
            if begun is not None:
                return begun
            if _connects(function):
                return self.session("connection")
            if name == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                attribute = str(node.args[1].value)
                return self.attribute(arguments.positional[0], attribute, place)
            arguments = _without_results(node, arguments)
        return self.call(target, arguments, place)

    def _arguments(self, node: ast.Call, scope: Scope) -> Arguments:
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, Collection) and value.keys is not None:
                keywords |= {str(k): v for k, v in zip(value.keys, value.items, strict=False)}
        return Arguments(self._spread(node.args, scope), keywords)

    def _call_super(self, name: str, arguments: Arguments, scope: Scope, place: Place) -> Value:
        receiver = next(iter(scope.names.values()), UNKNOWN)
        for base in self.bases(scope.home) if scope.home else ():
            if not isinstance(base, Class):
                continue
            defined = self.in_class(base, name)
            if defined is None:
                continue
            node, owner = defined
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                return self.call_function(
                    Function(node, owner.scope, receiver, owner), arguments, place
                )
        held = self.held_by(arguments)
        if isinstance(receiver, Instance):
            if name == "__init__":
                receiver.held |= held
                for key, value in arguments.keywords.items():
                    self.heap.setdefault(receiver, {}).setdefault(key, value)
            held |= self.held(receiver)
        return Pending(held, place=place)


def _connects(function: ast.expr) -> bool:
    """Return whether a function is `engine.connect` or `engine.begin`, by the engine's name."""
    return (
        isinstance(function, ast.Attribute)
        and function.attr in ("connect", "begin")
        and _ENGINE.fullmatch(last_name(function.value)) is not None
    )


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == "super"


def _without_results(node: ast.Call, arguments: Arguments) -> Arguments:
    """Leave out results of calls that are given by name: they are values, and hold no session."""
    if any(isinstance(part, ast.Starred) for part in node.args):
        return arguments
    positional = [
        UNKNOWN if isinstance(value, Pending) and isinstance(part, ast.Name) else value
        for part, value in zip(node.args, arguments.positional, strict=False)
    ]
    named = {keyword.arg for keyword in node.keywords if isinstance(keyword.value, ast.Name)}
    keywords = {
        name: UNKNOWN if isinstance(value, Pending) and name in named else value
        for name, value in arguments.keywords.items()
    }
    return Arguments(positional, keywords)
