"""Tasks: the effect on sessions of starting a task, waiting for it, and running code in it."""

import ast

from session_guard.lint.alternatives import join
from session_guard.lint.machine import Activity, Machine, Running
from session_guard.lint.values import (
    UNKNOWN,
    Arguments,
    Call,
    Collection,
    Either,
    Function,
    Instance,
    Pending,
    Place,
    Session,
    Task,
    Token,
    Value,
)


class Tasks(Machine):
    """Starts tasks and waits for them."""

    def start(self, value: Value, place: Place) -> Task:
        """Start something as a task or thread, and return its handle."""
        if isinstance(value, Task):
            return value
        tokens = self.used_by(value, place)
        place = self.blamed(tokens, place)
        for token in sorted(tokens, key=lambda token: token.name):
            for running in self.activity.live.values():
                if token in running.tokens:
                    self.report(token, place, running.place)
        self.next_task += 1
        self.activity.live[self.next_task] = Running(tokens, place)
        return Task(frozenset({self.next_task}))

    def blamed(self, tokens: frozenset[Token], place: Place) -> Place:
        """Return where to report a task that starts at `place`.

        A function that runs any coroutine it gets knows no session; its caller does.
        """
        for frame in reversed(self.frames):
            if frame.called_at is None or frame.scope is None:
                break
            parameters = frame.scope.names.values()
            direct = [part for part in parameters if isinstance(part, Session | Instance)]
            if any(self.held(part) & tokens for part in direct):
                break
            place = frame.called_at
        return place

    def used_by(self, value: Value, place: Place) -> frozenset[Token]:
        """Return the sessions that a task uses which runs `value`."""
        if isinstance(value, Either):
            return frozenset().union(*(self.used_by(part, place) for part in value.options))
        before, self.activity = self.activity, Activity()
        variables = dict(self.variables)
        try:
            if isinstance(value, Function):
                value = self.call(value, Arguments(), place)
            self.wait_for(value, place)
            tokens = set(self.activity.used)
            for number, running in self.activity.live.items():
                before.live[number] = running
                tokens |= running.tokens
        finally:
            self.activity, self.variables = before, variables
        return frozenset(tokens)

    def wait_for(self, value: Value, place: Place) -> Value:
        """Return the result of awaiting or running something in the task that runs now."""
        match value:
            case Task(numbers=numbers):
                for number in numbers:
                    self.activity.live.pop(number, None)
                return value.result
            case Pending(tokens=tokens):
                self.use(tokens, place)
                return value.result
            case Call():
                return self.run(value)
            case Collection(items=items):
                return Collection(tuple(self.wait_for(item, place) for item in items))
            case Either(options=options):
                result: Value = UNKNOWN
                for option in options:
                    result = join(result, self.wait_for(option, place))
                return result
        return value

    def may_use(self, value: Value, place: Place) -> frozenset[Token]:
        """Return the sessions that a value uses if it runs; it does not run yet."""
        live = dict(self.activity.live)
        try:
            return self.used_by(value, place)
        finally:
            self.activity.live = live

    def held(self, value: Value) -> frozenset[Token]:
        """Return the sessions that code with a reference to `value` may use."""
        match value:
            case Session(token=token):
                return frozenset({token})
            case Pending(tokens=tokens):
                return tokens
            case Instance():
                tokens = value.held
                for part in self.parts(value).values():
                    if isinstance(part, Session | Pending):
                        tokens |= self.held(part)
                return tokens
            case Collection(items=items):
                return frozenset().union(*map(self.held, items))
            case Either(options=options):
                return frozenset().union(*map(self.held, options))
            case Call(form="partial" | "coroutine" | "generator" | "deferred"):
                return self.may_use(value, value.place)
            case Function(node=ast.Lambda()):
                return self.may_use(value, Place(value.node, value.scope.module))
            case Function() if value.scope.parent or value.scope.function:
                return self.may_use(value, Place(value.node, value.scope.module))
            case Function(receiver=Instance() as receiver):
                return self.held(receiver)
        return frozenset()
