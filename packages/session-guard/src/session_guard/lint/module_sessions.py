"""SG003: sessions that live as long as the module, the class or the application."""

import ast
import re
from collections.abc import Iterator

from session_guard.lint.alternatives import options
from session_guard.lint.libraries import SESSION_MAKERS, words
from session_guard.lint.machine import TooLongError
from session_guard.lint.module import Binding, FunctionNode, Module, last_name, statements, within
from session_guard.lint.rules import RULES, Finding
from session_guard.lint.statements import Statements
from session_guard.lint.values import (
    Arguments,
    External,
    Function,
    Instance,
    Maker,
    Place,
    Returns,
    Scope,
    Session,
    Value,
)

_RULE = RULES["SG003"]
_CACHES = words("cache lru_cache alru_cache async_lru_cache cached_function singleton")
_SESSION_WORD = re.compile(r"[Ss]ession|[Mm]aker|SessionLocal|\bdb\b")


def check(machine: Statements, module: Module) -> Iterator[Finding]:
    """Yield the sessions of a file that belong to no single task."""
    if not _SESSION_WORD.search(module.source):
        return
    try:
        yield from _of_the_module(machine, module)
        for node in module.nodes:
            if isinstance(node, ast.ClassDef):
                yield from _of_the_class(machine, module, node)
            elif isinstance(node, FunctionNode):
                yield from _of_a_function(machine, module, node)
            elif isinstance(node, ast.Call) and last_name(node.func) in (
                "Singleton",
                "ThreadSafeSingleton",
            ):
                yield from _of_a_container(machine, module, node)
    except (TooLongError, RecursionError):
        return


def _finding(module: Module, node: ast.expr | ast.stmt, name: str, place: str) -> Finding:
    text = _RULE.message.format(name=name, place=place)
    end = (node.end_lineno or node.lineno, (node.end_col_offset or 0) + 1)
    return Finding(module.path, node.lineno, node.col_offset + 1, _RULE.code, text, *end)


def _is_session(value: Value) -> bool:
    return any(
        isinstance(part, Session)
        and part.token.kind in ("session", "sync session")
        and not part.token.guessed
        for part in options(value)
    )


def _value(machine: Statements, node: ast.expr | None, scope: Scope) -> Value | None:
    """Return the value of a call; None if the expression is no call."""
    inner = node.value if isinstance(node, ast.Await) else node
    if not isinstance(inner, ast.Call):
        return None
    machine.steps = 0
    with machine.aside():
        value = machine.evaluate(inner, scope)
        if isinstance(value, Instance) and not value.given:
            # A session that the object has made for itself lives as long as the object.
            parts = machine.parts(value).values()
            value = next((part for part in parts if _is_session(part)), value)
        return value


def _of_the_module(machine: Statements, module: Module) -> Iterator[Finding]:
    script = {
        id(node)
        for part in module.tree.body
        if isinstance(part, ast.If) and "__name__" in ast.unparse(part.test)
        for node in ast.walk(part)
    }
    for name, bindings in module.bindings.items():
        for binding in bindings:
            node = binding.node
            if not isinstance(node, ast.Assign | ast.AnnAssign) or id(node) in script:
                continue
            scope = Scope(module, function=binding.within)
            value = _value(machine, binding.value, scope)
            if value is None or not _is_session(value):
                continue
            if _is_sync(value) and not _is_used_in_a_function(module, name, binding):
                continue
            yield _finding(module, node, name, "module")


def _is_sync(value: Value) -> bool:
    return all(
        isinstance(part, Session) and part.token.kind == "sync session" for part in options(value)
    )


def _is_used_in_a_function(module: Module, name: str, binding: Binding) -> bool:
    """Return whether a sync session is used in more than a script that runs from top to bottom."""
    if binding.within is not None:
        return True
    top = any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for statement in statements(module.tree.body)
        if not isinstance(statement, FunctionNode | ast.ClassDef)
        for node in within(statement)
    )
    inner = any(
        isinstance(node, ast.Name) and node.id == name
        for function in module.nodes
        if isinstance(function, FunctionNode)
        for node in ast.walk(function)
    )
    return inner or not top


def _of_the_class(machine: Statements, module: Module, home: ast.ClassDef) -> Iterator[Finding]:
    for node in home.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=content):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=content):
                pass
            case _:
                continue
        value = _value(machine, content, Scope(module))
        if value is not None and _is_session(value):
            yield _finding(module, node, name, "class")


def _of_a_function(machine: Statements, module: Module, node: FunctionNode) -> Iterator[Finding]:
    scope = Scope(module)
    arguments = node.args
    defaults = [*arguments.defaults, *(part for part in arguments.kw_defaults if part is not None)]
    for default in defaults:
        value = _value(machine, default, scope)
        if value is not None and _is_session(value):
            yield _finding(module, default, last_name(default), "module")
    if {last_name(part) for part in node.decorator_list} & _CACHES or _lives_with_the_app(node):
        place = Place(node, module)
        inner = machine.bind(Function(node, scope), Arguments(), place, as_root=True)
        for part in within(node):
            if isinstance(part, ast.Return | ast.Yield):
                value = _value(machine, part.value, inner)
                if value is not None and _is_session(value):
                    yield _finding(module, part.value or node, node.name, "application")
    for part in within(node):
        match part:
            case ast.Assign(targets=[ast.Attribute(value=owner, attr=name)], value=content):
                if re.fullmatch(r"(\w+\.)*(app|application)(\.\w+)*", ast.unparse(owner)):
                    value = _value(machine, content, Scope(module, function=node))
                    if value is not None and _is_session(value):
                        yield _finding(module, part, f"{ast.unparse(owner)}.{name}", "application")


def _lives_with_the_app(node: FunctionNode) -> bool:
    return any("Scope.APP" in ast.unparse(decorator) for decorator in node.decorator_list)


def _of_a_container(machine: Statements, module: Module, call: ast.Call) -> Iterator[Finding]:
    """Yield the session that a dependency container makes only once."""
    if not call.args:
        return
    with machine.aside():
        target = machine.evaluate(call.args[0], Scope(module))
        made = target
        if isinstance(target, Maker | External | Returns):
            if isinstance(target, External) and target.last in SESSION_MAKERS:
                return
            made = machine.call(target, Arguments(), Place(call, module))
    if _is_session(made):
        yield _finding(module, call, last_name(call.args[0]), "application")
