"""SG001 and SG004: sessions that several tasks or threads use at once."""

import ast
import re
from collections.abc import Iterator

from session_guard.lint.libraries import words
from session_guard.lint.machine import Activity, Frame, TooLongError
from session_guard.lint.module import FunctionNode, Module, last_name, statements
from session_guard.lint.statements import Statements
from session_guard.lint.values import Arguments, Class, Function, Instance, Place, Scope

STARTS = re.compile(
    r"\w*gather\w*|create_task|ensure_future|run_coroutine_threadsafe|\w*spawn\w*|start_soon"
    r"|start_task|soonify|as_completed|wait|submit|apply_async|run_in_executor|Thread|Timer|start"
    r"|map|starmap|imap|imap_unordered|map_async|amap|run_on_each|run_all|run_any|shield|to_thread"
    r"|add_async|\w*(concurren|parallel|background|fire_and_forget)\w*|merge|combine"
)
"""Names of the functions that start tasks or threads."""
_CONTAINERS = words("dishka litestar aioinject that_depends wireup di lagom injector")


def check(machine: Statements, module: Module) -> None:
    """Follow each function of a file that starts tasks or threads; reports go to the machine."""
    if not STARTS.search(module.source):
        return
    starting = _starting(module)
    for function in _outermost(module):
        if starting & _called(function.node):
            _follow(machine, function)
    body = [node for node in module.tree.body if not isinstance(node, FunctionNode | ast.ClassDef)]
    if any(STARTS.fullmatch(name) for node in body for name in _called(node)):
        _follow_script(machine, module, body)


def _called(node: ast.AST) -> set[str]:
    return {last_name(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}


def _starting(module: Module) -> set[str]:
    """Return the names of functions that may start a task: in libraries and in the file."""
    calls = {node.name: _called(node) for node in module.nodes if isinstance(node, FunctionNode)}
    known = {name for names in calls.values() for name in names if STARTS.fullmatch(name)}
    for _ in range(3):
        known |= {name for name, called in calls.items() if called & known}
    return known


def _outermost(module: Module) -> Iterator[Function]:
    scope = Scope(module)
    for node in statements(module.tree.body):
        if isinstance(node, FunctionNode):
            yield Function(node, scope)
        elif isinstance(node, ast.ClassDef):
            yield from _methods(Class(node, scope))


def _methods(home: Class) -> Iterator[Function]:
    for node in home.node.body:
        if isinstance(node, FunctionNode):
            static = any(last_name(part) == "staticmethod" for part in node.decorator_list)
            receiver = None if static else Instance(home, given=True)
            yield Function(node, home.scope, receiver, home)
        elif isinstance(node, ast.ClassDef):
            yield from _methods(Class(node, home.scope))


def _follow(machine: Statements, function: Function) -> None:
    _reset(machine)
    node = function.node
    module = function.scope.module
    machine.one_session_a_request = bool(
        module.imported & _CONTAINERS and isinstance(node, FunctionNode) and node.decorator_list
    )
    try:
        _run(machine, function)
        for inner in machine.nested:
            if inner.node not in machine.ran:
                machine.activity, machine.frame = Activity(), Frame()
                _run(machine, inner)
    except (TooLongError, RecursionError):
        return


def _run(machine: Statements, function: Function) -> None:
    node = function.node
    place = Place(node, function.scope.module)
    scope = machine.bind(function, Arguments(), place, as_root=True)
    for value in list(scope.names.values()):
        if isinstance(value, Instance):
            machine.initialise(value, place)
    with machine.entered(node):
        if isinstance(node, ast.Lambda):
            machine.evaluate(node.body, scope)
        else:
            machine.execute(node.body, scope)
    machine.ran.add(node)
    _closed_by_the_framework(machine, place)


def _closed_by_the_framework(machine: Statements, place: Place) -> None:
    """Report tasks that still run when a function returns whose session a framework closes."""
    for running in list(machine.activity.live.values()):
        for token in running.tokens:
            if token.framework_closes:
                machine.report(token, running.place, place)


def _follow_script(machine: Statements, module: Module, body: list[ast.stmt]) -> None:
    _reset(machine)
    scope = Scope(module)
    try:
        with machine.entered(module.tree):
            machine.execute(body, scope)
    except (TooLongError, RecursionError):
        return


def _reset(machine: Statements) -> None:
    machine.steps = 0
    machine.activity, machine.frame = Activity(), Frame()
    machine.heap, machine.lazy, machine.dependencies = {}, {}, {}
    machine.threads, machine.variables = {}, {}
    machine.stack, machine.frames, machine.nested, machine.ran = [], [], [], set()
    machine.one_session_a_request = False
