"""Assignments: names, attributes, items, and several at once."""

import ast

from session_guard.lint.call_expressions import CallExpressions
from session_guard.lint.values import (
    UNKNOWN,
    Collection,
    Instance,
    Literally,
    Many,
    Scope,
    Session,
    Value,
)


class Assignments(CallExpressions):
    """Assigns."""

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target of an assignment its value."""
        if isinstance(value, Session) and not value.token.name:
            value.token.name = ast.unparse(target)
        match target:
            case ast.Name(id=name):
                place = scope
                while name in place.outer and place.parent is not None:
                    place = place.parent
                place.names[name] = value
            case ast.Attribute(value=owner, attr=name):
                receiver = self.evaluate(owner, scope)
                if isinstance(receiver, Instance):
                    self.set_part(receiver, name, value)
                else:
                    scope.names[ast.unparse(target)] = value
            case ast.Subscript(value=owner, slice=key):
                self._set_item(target, owner, key, value, scope)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                self._unpack(parts, value, scope)
            case ast.Starred(value=inner):
                self.assign(inner, Collection((value,)), scope)

    def _set_item(
        self, target: ast.Subscript, owner: ast.expr, key: ast.expr, value: Value, scope: Scope
    ) -> None:
        content = self.evaluate(key, scope)
        before = self.evaluate(owner, scope)
        if not isinstance(before, Collection):
            scope.names[ast.unparse(target)] = value
            return
        label = content.content if isinstance(content, Literally) else None
        keys = before.keys or tuple(None for _ in before.items)
        self.assign(owner, Collection((*before.items, value), (*keys, label)), scope)

    def _unpack(self, parts: list[ast.expr], value: Value, scope: Scope) -> None:
        items: list[Value] = []
        if isinstance(value, Collection):
            items = list(value.items)
        elif isinstance(value, Many):
            items = [self.instance_of(value.form.node, value.form.scope) for _ in parts]
        starred = next((n for n, part in enumerate(parts) if isinstance(part, ast.Starred)), None)
        if starred is not None:
            tail = len(parts) - starred - 1
            middle = items[starred : len(items) - tail] if items else []
            after = items[len(items) - tail :] if items and tail else []
            inner = parts[starred]
            assert isinstance(inner, ast.Starred)
            self.assign(inner.value, Collection(tuple(middle)), scope)
            self._unpack(parts[:starred], Collection(tuple(items[:starred])), scope)
            self._unpack(parts[starred + 1 :], Collection(tuple(after)), scope)
            return
        for number, part in enumerate(parts):
            self.assign(part, items[number] if number < len(items) else UNKNOWN, scope)
