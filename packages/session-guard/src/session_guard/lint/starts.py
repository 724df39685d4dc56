"""Calls that start tasks and threads: gather, task groups, executors, threads."""

import ast
import re

from session_guard.lint.libraries import words
from session_guard.lint.methods import Methods
from session_guard.lint.module import last_name
from session_guard.lint.values import (
    UNKNOWN,
    Arguments,
    Call,
    Collection,
    External,
    Function,
    Group,
    Pending,
    Place,
    Scope,
    Session,
    Task,
    Value,
)

_GATHER = re.compile(r"\w*gather\w*|run_concurrently|run_parallel|run_in_parallel|concurrently")
_TASKS = words("create_task ensure_future run_coroutine_threadsafe spawn add_async")
_SOON = frozenset(["start_soon", "spawn_soon", "start_task"])
_THREADS = words("to_thread run_in_threadpool sync_to_async asyncify")
_POOL = re.compile(r"_*\w*(pool|executor|exec|threads|workers|tpe|ex)", re.IGNORECASE)
_MAPS = words("map starmap imap imap_unordered map_async amap run_on_each")
_ALL = frozenset(["run_all", "run_any"])


class Starts(Methods):
    """Starts tasks and threads."""

    def begin(
        self, node: ast.Call, receiver: Value | None, arguments: Arguments, scope: Scope
    ) -> Value | None:
        """Return the result of a call that starts tasks or threads; None for any other call."""
        name, place = last_name(node.func), Place(node, scope.module)
        values = arguments.positional
        if _GATHER.fullmatch(name):
            return self._gather(values, place)
        if name in ("as_completed", "wait", "wait_first", "ALL_COMPLETED", "merge", "combine"):
            if name in ("merge", "combine") and not _of_generators(values):
                return None
            return self._all_of(name, node, values, place, scope)
        if name in ("wait_for", "shield", "timeout_after", "fail_after") and values:
            return self.start(values[0], place) if name == "shield" else values[0]
        group = receiver if isinstance(receiver, Group) else None
        if name in _TASKS and values:
            return self._in_group(values[0], group, place)
        if name in _SOON or (name == "start" and group):
            started = self._in_group(_later(arguments, place), group, place)
            return started if values else None
        if name == "soonify" and values:
            return Call(
                External("asyncer.soonify"),
                Arguments([*values, group or UNKNOWN]),
                place,
                "partial",
            )
        return self._threads(node, name, receiver, arguments, place) or self._others(
            node, name, receiver, arguments, place
        )

    def _gather(self, values: list[Value], place: Place) -> Value:
        numbers: frozenset[int] = frozenset()
        for value in _flat(values):
            # Each part is reported at the place where it is made.
            at = value.place if isinstance(value, Call | Pending) else None
            if at is None or at.module is not place.module:
                at = place
            numbers |= self.start(value, at).numbers
        return Task(numbers)

    def _all_of(
        self, name: str, node: ast.Call, values: list[Value], place: Place, scope: Scope
    ) -> Value:
        source = values[0] if values else UNKNOWN
        items = _flat(values if name in ("merge", "combine") else [source])
        if len(items) == 1 and not isinstance(items[0], Task | Call | Pending):
            items = self.iterate(items[0], place)
        task = self._gather(items, place)
        function = self.evaluate(node.func, scope)
        if isinstance(function, External) and function.path.startswith("concurrent.futures.wait"):
            return self.wait_for(task, place)
        return task

    def _in_group(self, value: Value, group: Group | None, place: Place) -> Task:
        if group is not None and group.one_at_a_time:
            tokens = self.used_by(value, place)
            self.use(tokens, place)
            return Task(frozenset())
        task = self.start(value, place)
        if group is not None:
            group.started |= task.numbers
        return task

    def leave(self, group: Group) -> None:
        """Join the tasks that a group has started."""
        self.wait_for(Task(frozenset(group.started)), Place(ast.Pass(), None))  # type: ignore[arg-type]

    def _threads(
        self,
        node: ast.Call,
        name: str,
        receiver: Value | None,
        arguments: Arguments,
        place: Place,
    ) -> Value | None:
        values = arguments.positional
        group = receiver if isinstance(receiver, Group) else None
        if name in _THREADS or (name == "run_sync" and not isinstance(receiver, Session)):
            if not values:
                return None
            form = "partial" if name in ("sync_to_async", "asyncify") else "deferred"
            return Call(values[0], _rest(arguments, 1), place, form)  # type: ignore[arg-type]
        if name == "submit" and values:
            return self._in_group(_later(arguments, place), group, place)
        if name == "apply_async" and values:
            inner = values[1].items if len(values) > 1 and isinstance(values[1], Collection) else ()
            return self.start(Call(values[0], Arguments(list(inner)), place, "deferred"), place)
        if name == "run_in_executor" and len(values) > 1:
            group = values[0] if isinstance(values[0], Group) else None
            return self._in_group(
                Call(values[1], _rest(arguments, 2), place, "deferred"), group, place
            )
        if name in _MAPS and receiver is not None and len(values) > 1:
            if group is None and not _POOL.fullmatch(last_name(_owner(node))):
                return None
            calls = self._mapped(name, values, place)
            task = Task(frozenset())
            for call in calls:
                started = self._in_group(call, group, place)
                task = Task(task.numbers | started.numbers)
            if name in ("map", "starmap", "imap", "map_async") and group is None:
                self.wait_for(task, place)
            return task
        if name in ("Thread", "Timer", "Process"):
            return self._thread(name, arguments, place)
        return None

    def _thread(self, name: str, arguments: Arguments, place: Place) -> Value | None:
        values = arguments.positional
        if name == "Timer" and len(values) > 1:
            target, inner = values[1], values[2:3]
        else:
            target, inner = arguments.keywords.get("target", UNKNOWN), []
        given = [*inner, arguments.keywords.get("args", UNKNOWN)]
        positional = [item for part in given if isinstance(part, Collection) for item in part.items]
        kwargs = arguments.keywords.get("kwargs")
        keywords = {}
        if isinstance(kwargs, Collection) and kwargs.keys is not None:
            keywords = {str(k): v for k, v in zip(kwargs.keys, kwargs.items, strict=False)}
        if target is UNKNOWN:
            return None
        return Call(target, Arguments(positional, keywords), place, "thread")

    def _mapped(self, name: str, values: list[Value], place: Place) -> list[Value]:
        function, *sources = values
        rows = [self.iterate(source, place) for source in sources]
        count = max(2, min(map(len, rows), default=2)) if rows else 2
        if rows and all(isinstance(source, Collection) for source in sources):
            count = min(map(len, rows))
        calls: list[Value] = []
        for number in range(count):
            positional = [row[number] if number < len(row) else UNKNOWN for row in rows]
            if name == "starmap" and positional and isinstance(positional[0], Collection):
                positional = list(positional[0].items)
            calls.append(Call(function, Arguments(positional), place, "deferred"))
        return calls

    def _others(
        self,
        node: ast.Call,
        name: str,
        receiver: Value | None,
        arguments: Arguments,
        place: Place,
    ) -> Value | None:
        values = arguments.positional
        if name in ("map", "starmap") and len(values) > 1:  # of builtins and of itertools
            return Collection(
                tuple(
                    self.call(call.target, call.arguments, place)
                    for call in self._mapped(name, values, place)
                    if isinstance(call, Call)
                )
            )
        if name in ("partial", "partialmethod") and values:
            return Call(values[0], _rest(arguments, 1), place, "partial")
        if name in _ALL and values:
            return self._gather([_called(item, place) for item in _flat(values[:1])], place)
        if name in ("amap", "run_on_each") and len(values) > 1:
            return self._gather(self._mapped(name, values, place), place)
        if name == "run_until_complete" and values:
            return self.wait_for(values[0], place)
        if name == "run" and values and last_name(_owner(node)) in ("asyncio", "anyio", "runner"):
            return self.wait_for(_called(values[0], place, values[1:]), place)
        if name in ("enter_async_context", "enter_context", "push_async_exit") and values:
            return self.enter(values[0], place)
        return None

    def call_soonified(self, call: Call, arguments: Arguments, place: Place) -> Value:
        """Start the function that asyncer's `soonify` was given."""
        function, group = call.arguments.positional[0], call.arguments.positional[-1]
        later = Call(function, arguments, place, "deferred")
        return self._in_group(later, group if isinstance(group, Group) else None, place)


def _flat(values: list[Value]) -> list[Value]:
    items: list[Value] = []
    for value in values:
        items += value.items if isinstance(value, Collection) else [value]
    return items


def _later(arguments: Arguments, place: Place) -> Value:
    values = arguments.positional
    return Call(values[0], _rest(arguments, 1), place, "deferred") if values else UNKNOWN


def _rest(arguments: Arguments, count: int) -> Arguments:
    return Arguments(arguments.positional[count:], arguments.keywords)


def _called(value: Value, place: Place, values: list[Value] | None = None) -> Value:
    if isinstance(value, Function) or (isinstance(value, Call) and value.form == "partial"):
        return Call(value, Arguments(list(values or ())), place, "deferred")
    return value


def _owner(node: ast.Call) -> ast.expr | None:
    return node.func.value if isinstance(node.func, ast.Attribute) else None


def _of_generators(values: list[Value]) -> bool:
    return any(isinstance(item, Call) and item.form == "generator" for item in _flat(values))
