"""Statements: the order in which a function starts tasks, waits for them, and uses sessions."""

import ast
from collections.abc import Callable

from session_guard.lint.assignments import Assignments
from session_guard.lint.values import (
    UNKNOWN,
    Class,
    Collection,
    Function,
    Group,
    Literally,
    Pending,
    Place,
    Scope,
    Session,
    Value,
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_LEAVES_LOOP = {"break", "continue"}


class Statements(Assignments):
    """Executes statements."""

    def execute(self, body: list[ast.stmt], scope: Scope) -> str | None:
        """Execute a block. Return how it ends for certain: return, raise, break, continue."""
        for node in body:
            outcome = self._statement(node, scope)
            if outcome is not None:
                return outcome
        return None

    def _statement(self, node: ast.stmt, scope: Scope) -> str | None:
        match node:
            case ast.Expr(value=value):
                self._at_once(self.evaluate(value, scope), Place(node, scope.module))
            case ast.Assign(targets=targets, value=value):
                content = self.evaluate(value, scope)
                self._at_once(content, Place(value, scope.module))
                for target in targets:
                    self.assign(target, content, scope)
            case ast.AnnAssign(target=target, annotation=annotation, value=value):
                content = self.evaluate(value, scope) if value else UNKNOWN
                if content is UNKNOWN or isinstance(content, Pending):
                    typed = self.instance_of(annotation, scope)
                    content = content if typed is UNKNOWN else typed
                if value is not None or isinstance(content, Session):
                    self.assign(target, content, scope)
            case ast.AugAssign(target=target, value=value):
                before, more = self.evaluate(target, scope), self.evaluate(value, scope)
                if isinstance(before, Collection) and isinstance(more, Collection):
                    self.assign(target, Collection((*before.items, *more.items)), scope)
            case ast.Return(value=value):
                if value is not None:
                    self.frame.returns.append(self.evaluate(value, scope))
                return "return"
            case ast.Raise():
                for part in (node.exc, node.cause):
                    if part is not None:
                        self.evaluate(part, scope)
                return "raise"
            case ast.Break():
                return "break"
            case ast.Continue():
                return "continue"
            case ast.Nonlocal(names=names):
                scope.outer |= set(names)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                function = Function(node, scope, home=scope.home)
                scope.names[name] = function
                self.nested.append(function)
            case ast.ClassDef(name=name):
                scope.names[name] = Class(node, scope)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                for alias in aliases:
                    bound = alias.asname or alias.name.partition(".")[0]
                    scope.names[bound] = self.imported(node, bound, scope.module)
            case _:
                return self._compound(node, scope)
        return None

    def _compound(self, node: ast.stmt, scope: Scope) -> str | None:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                return self._if(test, body, orelse, scope)
            case ast.For() | ast.AsyncFor():
                return self._for(node, scope)
            case ast.While():
                return self._while(node, scope)
            case ast.With() | ast.AsyncWith():
                return self._with(node, scope)
            case ast.Try() | ast.TryStar():
                return self._try(node, scope)
            case ast.Match(subject=subject, cases=cases):
                self.evaluate(subject, scope)
                ways = [_way(self, case.body, scope) for case in cases]
                return self.branch(scope, [*ways, lambda: None])
            case ast.Assert(test=test):
                self.evaluate(test, scope)
        return None

    def _at_once(self, value: Value, place: Place) -> None:
        """Use a sync session in a call that is not known to be the call of a coroutine."""
        if isinstance(value, Pending):
            self.use([token for token in value.tokens if token.kind == "sync session"], place)

    def _if(
        self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], scope: Scope
    ) -> str | None:
        self.evaluate(test, scope)
        answer = self._answer(test, scope)
        if answer is not None:
            return self.execute(body if answer else orelse, scope)
        return self.branch(scope, [_way(self, body, scope), _way(self, orelse, scope)])

    def _answer(self, test: ast.expr, scope: Scope) -> bool | None:
        """Return the result of a test for None, if it is certain; else None."""
        match test:
            case ast.Compare(left=left, ops=[operator], comparators=[ast.Constant(value=None)]):
                negative = isinstance(operator, ast.IsNot | ast.NotEq)
            case ast.UnaryOp(op=ast.Not(), operand=left):
                negative = False
            case ast.Name():
                left, negative = test, True
            case _:
                return None
        if not isinstance(left, ast.Name):
            return None
        value = scope.names.get(left.id)
        if isinstance(value, Literally) and value.content is None:
            return not negative
        if isinstance(value, Session) and not self._is_parameter_of_root(left.id, scope):
            return negative
        return None

    def _is_parameter_of_root(self, name: str, scope: Scope) -> bool:
        return len(self.stack) <= 1

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> str | None:
        place = Place(node.iter, scope.module)
        outcome: str | None = None
        for item in self.iterate(self.evaluate(node.iter, scope), place):
            self.assign(node.target, item, scope)
            outcome = self.execute(node.body, scope)
            if outcome in ("break", "return", "raise"):
                break
        if outcome not in ("break", "return", "raise"):
            return self.execute(node.orelse, scope)
        return None

    def _while(self, node: ast.While, scope: Scope) -> str | None:
        for _ in range(2):
            self.evaluate(node.test, scope)
            outcome = self.execute(node.body, scope)
            if outcome in ("break", "return", "raise"):
                endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
                return outcome if endless and outcome != "break" else None
        return None

    def _with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> str | None:
        exits: list[Callable[[], None]] = []
        place = Place(node, scope.module)
        for item in node.items:
            value = self.evaluate(item.context_expr, scope)
            entered = self.enter(value, Place(item.context_expr, scope.module))
            if item.optional_vars is not None:
                self.assign(item.optional_vars, entered, scope)
            if isinstance(value, Group):
                exits.append(_leaving(self, value))
            elif isinstance(entered, Session):
                exits.append(_closing(self, entered, place))
        outcome = self.execute(node.body, scope)
        for leave in reversed(exits):
            leave()
        return outcome

    def _try(self, node: ast.Try | ast.TryStar, scope: Scope) -> str | None:
        outcome = self.execute(node.body, scope)
        if outcome is None:
            outcome = self.execute(node.orelse, scope)
        if node.handlers:
            handlers = [_way(self, handler.body, scope) for handler in node.handlers]
            after = outcome
            outcome = self.branch(scope, [lambda: after, *handlers])
        at_last = self.execute(node.finalbody, scope)
        return at_last or outcome


def _way(machine: Statements, body: list[ast.stmt], scope: Scope) -> Callable[[], str | None]:
    return lambda: machine.execute(body, scope)


def _leaving(machine: Statements, group: Group) -> Callable[[], None]:
    return lambda: machine.leave(group)


def _closing(machine: Statements, session: Session, place: Place) -> Callable[[], None]:
    return lambda: machine.use([session.token], place)
