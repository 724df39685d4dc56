"""Calls of functions and classes of the given paths: parameters, results, dependencies."""

import ast

from session_guard.lint.alternatives import join
from session_guard.lint.annotations import Annotations
from session_guard.lint.libraries import words
from session_guard.lint.module import is_generator, last_name
from session_guard.lint.values import (
    UNKNOWN,
    Arguments,
    Call,
    Class,
    Collection,
    External,
    Function,
    Instance,
    Place,
    Scope,
    Session,
    TypeForm,
    Value,
)

DEEPEST = 12
_MARKERS = frozenset({"Depends", "Security"})
_FIXED = ("staticmethod", "classmethod")
_DATA = words("dataclass define frozen attrs s mutable")
_DATA_BASES = words("BaseModel NamedTuple Struct SQLModel BaseSettings")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Calls(Annotations):
    """Follows calls."""

    def call_function(self, function: Function, arguments: Arguments, place: Place) -> Value:
        """Return the result of calling a function: a coroutine or a generator has not run yet."""
        node = function.node
        if isinstance(node, ast.Lambda):
            return self.run_function(function, arguments, place)
        if is_generator(node):
            return Call(function, arguments, place, "generator")
        if isinstance(node, ast.AsyncFunctionDef):
            return Call(function, arguments, place, "coroutine")
        return self.run_function(function, arguments, place)

    def run(self, call: Call) -> Value:
        """Run a call that was made before, and return its result."""
        self.step()
        if isinstance(call.target, Function) and call.form in ("coroutine", "generator"):
            return self.run_function(call.target, call.arguments, call.place)
        return self.wait_for(self.call(call.target, call.arguments, call.place), call.place)

    def run_function(self, function: Function, arguments: Arguments, place: Place) -> Value:
        """Follow the body of a function, and return what it returns or yields."""
        node = function.node
        if node in self.stack or len(self.stack) > DEEPEST:
            for value in (*arguments.everything(), function.receiver or UNKNOWN):
                self.use(self.held(value), place)
            return UNKNOWN
        self.ran.add(node)
        scope = self.bind(function, arguments, place)
        if isinstance(node, ast.Lambda):
            with self.entered(node, scope, place):
                return self.evaluate(node.body, scope)
        with self.entered(node, scope, place) as frame:
            self.execute(node.body, scope)
        if frame.yields:
            return Collection(tuple(frame.yields))
        result: Value = UNKNOWN
        for value in frame.returns:
            result = join(result, value)
        if result is UNKNOWN and node.returns is not None:
            return self.instance_of(node.returns, Scope(function.scope.module, function.scope))
        return result

    def bind(
        self,
        function: Function,
        arguments: Arguments,
        place: Place,
        *,
        as_root: bool = False,
    ) -> Scope:
        """Return the scope of a function with its parameters set.

        `as_root`: the caller is unknown. Then the name of an untyped parameter may mean a
        session.
        """
        node = function.node
        scope = Scope(function.scope.module, function.scope, function=node, home=function.home)
        positional = list(arguments.positional)
        decorators = set() if isinstance(node, ast.Lambda) else decorators_of(node)
        if function.receiver is not None and "staticmethod" not in decorators:
            positional.insert(0, function.receiver)
        keywords = dict(arguments.keywords)
        parameters = node.args
        defaults = _defaults(parameters)
        for parameter in (*parameters.posonlyargs, *parameters.args):
            if positional:
                value = positional.pop(0)
                keywords.pop(parameter.arg, None)
                scope.names[parameter.arg] = self._typed(value, parameter, function)
            else:
                scope.names[parameter.arg] = self._given(
                    parameter, keywords, defaults, function, as_root
                )
        for parameter in parameters.kwonlyargs:
            scope.names[parameter.arg] = self._given(
                parameter, keywords, defaults, function, as_root
            )
        if parameters.vararg:
            scope.names[parameters.vararg.arg] = Collection(tuple(positional))
        if parameters.kwarg:
            scope.names[parameters.kwarg.arg] = Collection(
                tuple(keywords.values()), tuple(keywords)
            )
        for name, value in scope.names.items():
            if isinstance(value, Session) and not value.token.name:
                value.token.name = name
        return scope

    def _typed(self, value: Value, parameter: ast.arg, function: Function) -> Value:
        if value is UNKNOWN and parameter.annotation is not None:
            return self.instance_of(parameter.annotation, function.scope)
        return value

    def _given(
        self,
        parameter: ast.arg,
        keywords: dict[str, Value],
        defaults: dict[str, ast.expr],
        function: Function,
        as_root: bool,
    ) -> Value:
        if parameter.arg in keywords:
            return self._typed(keywords.pop(parameter.arg), parameter, function)
        default = defaults.get(parameter.arg)
        marker = self._marker(parameter.annotation, default, function.scope)
        if marker is not None:
            return self._dependency(marker, parameter.annotation, function.scope)
        typed: Value = UNKNOWN
        if parameter.annotation is not None and (as_root or default is None):
            typed = self.instance_of(parameter.annotation, function.scope)
        elif default is not None:
            return self.evaluate(default, function.scope)
        if typed is UNKNOWN and parameter.annotation is None and as_root:
            scope = Scope(function.scope.module, function=function.node)
            is_async = isinstance(function.node, ast.AsyncFunctionDef)
            return self.guess(parameter.arg, scope, is_async=is_async) or UNKNOWN
        return typed

    # Dependencies of FastAPI: one value per request and dependency.

    def _marker(
        self, annotation: ast.expr | None, default: ast.expr | None, scope: Scope, depth: int = 0
    ) -> tuple[ast.Call, Scope] | None:
        if isinstance(default, ast.Call) and last_name(default.func) in _MARKERS:
            return default, scope
        match annotation:
            case ast.Subscript(value=base, slice=ast.Tuple(elts=[_, *rest])):
                if last_name(base) == "Annotated":
                    for part in rest:
                        if isinstance(part, ast.Call) and last_name(part.func) in _MARKERS:
                            return part, scope
            case ast.Name() | ast.Attribute() if depth < 4:
                form = self.evaluate(annotation, scope)
                if isinstance(form, TypeForm):
                    return self._marker(form.node, None, form.scope, depth + 1)
        return None

    def _dependency(
        self, marker: tuple[ast.Call, Scope], annotation: ast.expr | None, scope: Scope
    ) -> Value:
        call, home = marker
        fresh = any(
            keyword.arg == "use_cache" and ast.unparse(keyword.value) == "False"
            for keyword in call.keywords
        )
        target = self.evaluate(call.args[0], home) if call.args else UNKNOWN
        typed = self.instance_of(annotation, scope) if annotation is not None else UNKNOWN
        key: object = _identity(target) if call.args else _identity(typed)
        if key in self.dependencies and not fresh:
            return self.dependencies[key]
        value = typed
        place = Place(call, home.module)
        match target:
            case Function() if not isinstance(typed, Session):
                made = self.wait_for(self.call(target, Arguments(), place), place)
                made = made.items[0] if isinstance(made, Collection) and made.items else made
                value = typed if made is UNKNOWN else made
            case Class():
                value = self.make(target, Arguments(), place)
            case Value() if not call.args and isinstance(typed, Instance) and typed.home:
                value = self.make(typed.home, Arguments(), place)
            case External() if typed is UNKNOWN:
                made = self.call(target, Arguments(), place)
                value = made if isinstance(made, Session) else typed
        if isinstance(value, Session):
            value.token.framework_closes = True
        self.dependencies[key] = value
        return value


def _identity(value: Value) -> object:
    match value:
        case Function(node=node) | Class(node=node):
            return node
        case Instance(home=Class(node=node)):
            return node
        case External(path=path):
            return path
        case Session(token=token):
            return token.kind
    return value


def decorators_of(node: FunctionNode | ast.ClassDef) -> set[str]:
    return {last_name(decorator) for decorator in node.decorator_list}


def _defaults(parameters: ast.arguments) -> dict[str, ast.expr]:
    ordered = [*parameters.posonlyargs, *parameters.args]
    defaults = {
        parameter.arg: default
        for parameter, default in zip(
            ordered[len(ordered) - len(parameters.defaults) :], parameters.defaults, strict=True
        )
    }
    for parameter, keyword in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
        if keyword is not None:
            defaults[parameter.arg] = keyword
    return defaults
