"""Branches of a program. The lint follows each from the same state, and joins their states."""

from collections.abc import Callable

from session_guard.lint.alternatives import join
from session_guard.lint.machine import Attributes, Running
from session_guard.lint.tasks import Tasks
from session_guard.lint.values import Scope, Value


class Branches(Tasks):
    """Follows branches."""

    def branch(self, scope: Scope, ways: list[Callable[[], str | None]]) -> str | None:
        """Run each branch from the same state, and go on with the joined states."""
        names, heap, live = self._state(scope)
        ends: list[tuple[dict[str, Value], Attributes, dict[int, Running]]] = []
        outcomes = []
        for way in ways:
            scope.names, self.activity.live = dict(names), dict(live)
            self.heap = dict(heap)
            outcome = way()
            outcomes.append(outcome)
            if outcome is None:
                ends.append((scope.names, self.heap, self.activity.live))
        if not ends:
            return outcomes[-1] if outcomes else None
        scope.names, self.heap, self.activity.live = ends[0]
        for other_names, other_heap, other_live in ends[1:]:
            scope.names = _merged(scope.names, other_names)
            for instance, parts in other_heap.items():
                mine = self.heap.get(instance)
                if mine is not parts:
                    self.heap[instance] = _merged(mine or {}, parts)
            self.activity.live |= other_live
        return None

    def _state(self, scope: Scope) -> tuple[dict[str, Value], Attributes, dict[int, Running]]:
        return scope.names, self.heap, self.activity.live


def _merged(names: dict[str, Value], others: dict[str, Value]) -> dict[str, Value]:
    merged = dict(names)
    for name, value in others.items():
        known = names.get(name)
        if known is not value:
            merged[name] = value if known is None else join(known, value)
    return merged
