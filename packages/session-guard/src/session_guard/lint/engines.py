"""SG002: engines that are made at every call."""

import ast
from collections.abc import Iterator

from session_guard.lint.callers import Callers
from session_guard.lint.libraries import ENGINE_MAKERS, is_foreign
from session_guard.lint.module import FunctionNode, Module, last_name, within
from session_guard.lint.names import Names
from session_guard.lint.rules import RULES, Finding
from session_guard.lint.values import External, Scope

_RULE = RULES["SG002"]


def mentions_engines(source: str) -> bool:
    """Return whether a text may hold a call that makes an engine."""
    return any(name in source for name in ENGINE_MAKERS)


def check(names: Names, module: Module, callers: Callers) -> Iterator[Finding]:
    """Yield the engines of a file that are made at every call."""
    if not mentions_engines(module.source):
        return
    for caller in [caller for name in ENGINE_MAKERS for caller in callers.calls.get(name, ())]:
        if caller.module is not module or not caller.around:
            continue
        if not _is_sqlalchemys(names, caller.call, module):
            continue
        function = caller.around[-1]
        owner = _owner(module, function) if function.name == "__init__" else ""
        is_kept = caller.is_kept and not owner
        ends = _without_pool(caller.call) or _ends(function)
        if is_kept or (ends and not callers.is_dependency(function)):
            continue
        if not callers.runs_again(caller.around, owner):
            continue
        yield Finding(
            module.path,
            caller.call.lineno,
            caller.call.col_offset + 1,
            _RULE.code,
            _RULE.message.format(name=function.name),
            caller.call.end_lineno or caller.call.lineno,
            (caller.call.end_col_offset or 0) + 1,
        )


def _is_sqlalchemys(names: Names, call: ast.Call, module: Module) -> bool:
    value = names.evaluate(call.func, Scope(module))
    return isinstance(value, External) and not is_foreign(value.path)


def _without_pool(call: ast.Call) -> bool:
    return any(
        keyword.arg == "poolclass" and last_name(keyword.value) in ("NullPool", "StaticPool")
        for keyword in call.keywords
    )


def _ends(function: FunctionNode) -> bool:
    """Return whether a function disposes of its engine, or yields it to its caller."""
    for node in within(function):
        if isinstance(node, ast.Attribute) and node.attr == "dispose":
            return True
        if isinstance(node, ast.Yield) and "engine" in last_name(node.value).lower():
            return True
    return False


def _owner(module: Module, function: FunctionNode) -> str:
    """Return the name of the class whose `__init__` a function is."""
    for node in module.nodes:
        if isinstance(node, ast.ClassDef) and function in node.body:
            return node.name
    return ""
