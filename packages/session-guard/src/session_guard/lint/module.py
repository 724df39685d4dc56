"""One parsed file: its bindings, its imports, and its uses of a name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from session_guard.lint.libraries import (
    ENGINE_MAKERS,
    OTHERS,
    POSSIBLE_METHODS,
    SESSION_MAKERS,
    SQLALCHEMY,
    SURE_METHODS,
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_OWN_SCOPE = FunctionNode | ast.Lambda | ast.ClassDef


@dataclass(frozen=True, eq=False)
class Binding:
    """A statement that binds a name of the module.

    `within` is the function that does so by a `global` statement.
    """

    node: ast.AST
    value: ast.expr | None = None
    within: FunctionNode | None = None


@dataclass(eq=False)
class Module:
    """A file of the given paths."""

    path: Path
    tree: ast.Module
    source: str
    is_package: bool = False
    _evidence: dict[int, dict[str, set[str]]] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the file."""
        return list(ast.walk(self.tree))

    def forget_nodes(self) -> None:
        """Free the memory of `nodes`. Only the rules need them, for one file after another."""
        self.__dict__.pop("nodes", None)

    @cached_property
    def bindings(self) -> dict[str, list[Binding]]:
        """The statements that bind each name of the module, in order."""
        names: dict[str, list[Binding]] = defaultdict(list)
        for node in statements(self.tree.body):
            _bind(names, node, None)
        for function in self.nodes:
            if isinstance(function, FunctionNode):
                _bind_globals(names, function)
        return names

    @cached_property
    def imported(self) -> set[str]:
        """The top-level packages that any part of the file imports."""
        tops = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                tops |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                tops.add(node.module.partition(".")[0])
        return tops

    @cached_property
    def uses_sqlalchemy(self) -> bool:
        """True if the file imports SQLAlchemy or a library on top of it.

        A text without such an import counts if it has a name that only SQLAlchemy defines.
        """
        if self.imported & SQLALCHEMY:
            return True
        unmistakable = {*SESSION_MAKERS, *ENGINE_MAKERS, "AsyncSession"}
        return not self.imported & OTHERS and any(
            isinstance(node, ast.Name) and node.id in unmistakable for node in self.nodes
        )

    @cached_property
    def imports_other_sessions(self) -> bool:
        """True if the file imports a library with sessions of another kind."""
        return bool(self.imported & OTHERS)

    def speaks_of_a_session(self, name: str, within: ast.AST | None = None) -> bool | None:
        """Return whether the attributes that are read from `name` are those of a session.

        None if they do not decide it. The function `within` decides before the file does.
        """
        for root in (within, self.tree):
            if root is None:
                continue
            attributes = self._attributes(root).get(name, set())
            if attributes & SURE_METHODS:
                return True
            if attributes - POSSIBLE_METHODS:
                return False
        return None

    def _attributes(self, root: ast.AST) -> dict[str, set[str]]:
        if id(root) not in self._evidence:
            seen: dict[str, set[str]] = defaultdict(set)
            for node in self.nodes if root is self.tree else ast.walk(root):
                if isinstance(node, ast.Attribute):
                    match node.value:
                        case ast.Name(id=name) | ast.Attribute(attr=name):
                            seen[name].add(node.attr)
            self._evidence[id(root)] = seen
        return self._evidence[id(root)]


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block and of the blocks in it, but of no function or class."""
    for node in body:
        yield node
        if isinstance(node, _OWN_SCOPE):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from statements(getattr(node, name, []))
        for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            yield from statements(part.body)


def within(node: ast.AST) -> list[ast.AST]:
    """Return the nodes within a node, without those of functions and classes defined in it."""
    known: list[ast.AST] | None = getattr(node, "_within", None)
    if known is None:
        known = []
        waiting = [node]
        while waiting:
            for child in ast.iter_child_nodes(waiting.pop()):
                known.append(child)
                if not isinstance(child, _OWN_SCOPE):
                    waiting.append(child)
        if isinstance(node, FunctionNode):
            node._within = known  # type: ignore[union-attr]  # read many times
    return known


def is_generator(node: FunctionNode) -> bool:
    """Return whether a function yields."""
    known: bool | None = getattr(node, "_is_generator", None)
    if known is None:
        known = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in within(node))
        node._is_generator = known  # type: ignore[union-attr]
    return known


def last_name(node: ast.AST | None) -> str:
    """Return `b` of `a.b`, `a.b()` and `a.b[c]`; "" if there is none."""
    match node:
        case ast.Call(func=inner) | ast.Subscript(value=inner) | ast.Await(value=inner):
            return last_name(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _bind(names: dict[str, list[Binding]], node: ast.stmt, function: FunctionNode | None) -> None:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            names[name].append(Binding(node))
        case ast.Import(names=aliases):
            for alias in aliases:
                names[alias.asname or alias.name.partition(".")[0]].append(Binding(node))
        case ast.ImportFrom(names=aliases):
            for alias in aliases:
                names[alias.asname or alias.name].append(Binding(node))
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                for part, content in _pairs(target, value):
                    names[part].append(Binding(node, content, function))
        case ast.AnnAssign(target=ast.Name(id=name)):
            names[name].append(Binding(node, node.value, function))
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if isinstance(item.optional_vars, ast.Name):
                    names[item.optional_vars.id].append(Binding(item, item.context_expr, function))
        case _ if type(node).__name__ == "TypeAlias":
            names[node.name.id].append(Binding(node, node.value))  # type: ignore[attr-defined]


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr | None]]:
    match target, value:
        case ast.Name(id=name), _:
            yield name, value
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            for part, content in zip(targets, values, strict=True):
                yield from _pairs(part, content)
        case ((ast.Tuple(elts=targets) | ast.List(elts=targets)), _):
            for part in targets:
                if isinstance(part, ast.Name):
                    yield part.id, None


def _bind_globals(names: dict[str, list[Binding]], function: FunctionNode) -> None:
    declared = {
        name for node in within(function) if isinstance(node, ast.Global) for name in node.names
    }
    if not declared:
        return
    local: dict[str, list[Binding]] = defaultdict(list)
    for node in statements(function.body):
        _bind(local, node, function)
    for name in declared & local.keys():
        names[name] += [binding for binding in local[name] if binding.within]
