"""What can be seen in the source alone: a session given to several tasks, or never anybody's.

Modest: it follows names within one file, and a session only to the coroutines that are made from
it in the same function. Neither ruff nor flake8-async has such a rule.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MESSAGES = {
    "SG001": "{name!r} is used by several tasks at once: open a session inside each task",
    "SG002": "{name}() makes an engine at every call: make one when the application starts",
    "SG003": "{name!r} is a session of the whole module: keep a sessionmaker there, and open one in"
    " each task",
}

_SESSION_TYPES = {"AsyncSession", "Session", "AsyncConnection", "Connection"}
_MAKERS = {"async_sessionmaker", "sessionmaker"}
_ENGINES = {"create_async_engine", "create_engine", "async_engine_from_config"}
_BY_NAME = re.compile(r"(\w*_)?(session|conn|connection)")
_CACHES = {"cache", "lru_cache", "cached", "alru_cache", "fixture", "cached_property"}
_STARTS = {"create_task", "ensure_future", "start_soon", "run_coroutine_threadsafe"}
_ONCE = re.compile(r"main|_?(lifespan|startup|start_?up|set_?up)(_\w+)?")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Finding:
    """A place in a file, its rule, and what it says."""

    line: int
    column: int
    rule: str
    text: str


def check(source: str) -> list[Finding]:
    """Everything found in one file, in order. Raises SyntaxError where it is not Python.

    A line that ends in `# noqa` or `# noqa: SG001` is permitted.
    """
    tree = ast.parse(source)
    lines = source.splitlines()
    found = {*_shared(tree), *_engines(tree), *_of_the_module(tree)}
    return sorted(each for each in found if not _permitted(lines[each.line - 1], each.rule))


def _permitted(line: str, rule: str) -> bool:
    noqa = re.search(r"#\s*noqa(?::\s*(?P<rules>[\w, ]+))?", line, re.IGNORECASE)
    return noqa is not None and (noqa["rules"] is None or rule in noqa["rules"])


def _finding(node: ast.expr | ast.stmt, rule: str, name: str) -> Finding:
    return Finding(node.lineno, node.col_offset + 1, rule, MESSAGES[rule].format(name=name))


def _last_name(node: ast.AST | None) -> str:
    """`b` of `a.b`, `a.b()`, `a.b[c]`; "" where there is none."""
    match node:
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return _last_name(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def _names(nodes: Iterable[ast.AST]) -> set[str]:
    return {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}


# SG001


def _shared(tree: ast.Module) -> Iterator[Finding]:
    makers = _makers(tree)
    for function in _functions(tree):
        sessions = _sessions(function, makers)
        if not sessions:
            continue
        closures = {
            inner.name: _names(inner.body) & sessions - _sessions(inner, makers)
            for inner in _functions(function)
            if inner is not function
        }
        started: dict[str, int] = {}
        for call, repeated in _concurrent(function):
            mentioned = _names([call])
            used = sessions & mentioned
            used |= {name for inner in mentioned & closures.keys() for name in closures[inner]}
            for name in sorted(used):
                started[name] = started.get(name, 0) + (2 if repeated else 1)
                if started[name] >= 2:
                    yield _finding(call, "SG001", name)


def _makers(tree: ast.Module) -> set[str]:
    return {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _last_name(node.value) in _MAKERS
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _sessions(function: Function, makers: set[str]) -> set[str]:
    """Names that stand for one session or connection in all of the function."""
    arguments = function.args
    found = {
        argument.arg
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        if _SESSION_TYPES & _words(argument.annotation)
        or (argument.annotation is None and _BY_NAME.fullmatch(argument.arg))
    }
    for node in _own(function):
        match node:
            case ast.With(items=items) | ast.AsyncWith(items=items):
                bound = [(item.context_expr, item.optional_vars) for item in items]
            case ast.Assign(value=value, targets=targets):
                bound = [(value, target) for target in targets]
            case _:
                continue
        for value, target in bound:
            if isinstance(target, ast.Name) and _makes_session(value, makers):
                found.add(target.id)
    return found


def _words(annotation: ast.expr | None) -> set[str]:
    return set(re.findall(r"\w+", ast.unparse(annotation))) if annotation else set()


def _makes_session(value: ast.expr, makers: set[str]) -> bool:
    if isinstance(value, ast.Await):
        value = value.value
    if not isinstance(value, ast.Call):
        return False
    name = _last_name(value.func)
    if isinstance(value.func, ast.Attribute) and name in ("connect", "begin"):
        owner = _last_name(value.func.value)
        return "engine" in owner.lower() or owner in makers
    return name in _SESSION_TYPES | makers or bool(
        re.fullmatch(r"\w*session_?(maker|factory)", name)
    )


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in it, but not in the functions that are defined in it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, Function | ast.Lambda):
            yield from _own(child)


def _concurrent(function: Function) -> Iterator[tuple[ast.expr, bool]]:
    """What is given to tasks in a function: each coroutine, and whether many are made of it."""
    lists = {
        target.id: node.value.elt
        for node in _own(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.ListComp)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    repeated = {
        id(inner)
        for node in _own(function)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While | ast.ListComp | ast.GeneratorExp)
        for inner in ast.walk(node)
    }
    for node in _own(function):
        if not isinstance(node, ast.Call):
            continue
        if _last_name(node.func) == "gather":
            for argument in node.args:
                match argument:
                    case ast.Starred(value=ast.ListComp(elt=each) | ast.GeneratorExp(elt=each)):
                        yield each, True
                    case ast.Starred(value=ast.Name(id=name)) if name in lists:
                        yield lists[name], True
                    case ast.Starred():
                        pass
                    case _:
                        yield argument, False
        elif _last_name(node.func) in _STARTS and node.args:
            yield node, id(node) in repeated


# SG002


def _engines(tree: ast.Module) -> Iterator[Finding]:
    asked_for = {
        _last_name(node.func)
        for function in _functions(tree)
        if isinstance(function, ast.AsyncFunctionDef) and not _runs_once(function)
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
    }
    for function in _functions(tree):
        if _runs_once(function):
            continue
        if isinstance(function, ast.AsyncFunctionDef) or function.name in asked_for:
            for node in _own(function):
                if isinstance(node, ast.Call) and _last_name(node.func) in _ENGINES:
                    yield _finding(node, "SG002", function.name)


def _runs_once(function: Function) -> bool:
    """By its name, by a cache, or because it ends what it has begun."""
    decorators = {_last_name(decorator) for decorator in function.decorator_list}
    ends = any(
        isinstance(node, ast.Yield) or (isinstance(node, ast.Attribute) and node.attr == "dispose")
        for node in _own(function)
    )
    return bool(_ONCE.fullmatch(function.name) or decorators & _CACHES or ends)


# SG003


def _of_the_module(tree: ast.Module) -> Iterator[Finding]:
    makers = _makers(tree)
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            name = _last_name(node.value.func)
            if isinstance(target, ast.Name) and (name in makers or name == "AsyncSession"):
                yield _finding(node, "SG003", target.id)
