"""Expressions that are calls."""

import ast
import re

from session_guard.lint.alternatives import options
from session_guard.lint.expressions import Expressions
from session_guard.lint.module import last_name
from session_guard.lint.values import (
    UNKNOWN,
    Arguments,
    Call,
    Class,
    Collection,
    External,
    Function,
    Instance,
    Maker,
    Pending,
    Place,
    Scope,
    Session,
    TypeForm,
    Value,
)

_ENGINE = re.compile(r"_?(\w+_)?engine")


class CallExpressions(Expressions):
    """Evaluates calls."""

    def call_expression(self, node: ast.Call, scope: Scope) -> Value:
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
            target = self._callee(function, receiver, name, scope)
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

    def _callee(self, function: ast.Attribute, receiver: Value, name: str, scope: Scope) -> Value:
        """Return the object that a call of an attribute calls. It is never a session."""
        target = self.read_attribute(function, receiver, name, scope)
        return UNKNOWN if receiver is UNKNOWN and isinstance(target, Session) else target

    def _arguments(self, node: ast.Call, scope: Scope) -> Arguments:
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, Collection) and value.keys is not None:
                keywords |= {str(k): v for k, v in zip(value.keys, value.items, strict=False)}
        return Arguments(self.spread(node.args, scope), keywords)

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
                    if key not in self.parts(receiver):
                        self.set_part(receiver, key, value)
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
    """Leave out keyword arguments that are results of calls: they hold no session."""
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
