"""The callers of a function, and whether they call it at each request or once, at the start."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from session_guard.lint.libraries import words
from session_guard.lint.module import FunctionNode, Module, last_name, within

CACHES = words(
    "cache lru_cache cached alru_cache async_lru_cache fixture cached_property singleton "
    "memoize on_event on_startup before_serving before_server_start before_first_request "
    "command async_fixture session_fixture listens_for cache_resource"
)
"""Decorators of functions that run once, or once for each test or command."""
_ONCE = re.compile(
    r"_*(a?main|async_main|(\w+_)?(lifespan|startup|start_?up|set_?up|bootstrap|shutdown)(_\w+)?"
    r"|(on_)?start(up)?|setUp(Class)?|asyncSetUp|init(iali[sz]e)?(_\w+)?|test_\w+|run_migrations\w*"
    r"|(create|drop|reset|recreate|wait_for|check|ensure|prepare|seed|populate|migrate)_(all|db|"
    r"database|databases|schema|schemas|tables|table|data|models)(_\w+)?|migrate|seed|create_app"
    r"|make_app|build_app|run_async_upgrade|do_run_migrations|connect|__aenter__|__enter__"
    r"|post_init|ready|upgrade|downgrade|cli|run_script|entrypoint)",
    re.IGNORECASE,
)
_ROUTES = words(
    "get post put patch delete route websocket head options query mutation field subscription "
    "handler message callback_query middleware subscriber task actor job tool"
)


@dataclass(frozen=True, eq=False)
class Caller:
    """A call: the file, the call, and the functions around it, the outermost first."""

    module: Module
    call: ast.Call
    around: tuple[FunctionNode, ...]
    statement: ast.stmt | None
    """The statement that the call is a part of."""
    runs_to_its_end: bool
    """True if asyncio.run or a similar function runs it."""

    @property
    def is_kept(self) -> bool:
        """Return whether the result is stored for longer than the function runs."""
        return self.statement is not None and _keeps(self.statement, self.around)


class Callers:
    """All calls of the given files, by the last name of the called function."""

    def __init__(self, modules: list[Module]) -> None:
        self.calls: dict[str, list[Caller]] = defaultdict(list)
        self.dependencies: set[str] = set()
        self.lifespans: set[str] = set()
        for module in modules:
            self._read(module)

    def _read(self, module: Module) -> None:
        for node, around, statement, ran in _walk(module.tree, ()):
            name = last_name(node.func)
            self.calls[name].append(Caller(module, node, around, statement, ran))
            if name in ("Depends", "Security", "Provide") and node.args:
                self.dependencies.add(last_name(node.args[0]))
            if name in ("add_event_handler", "on_startup", "register", "connect") and node.args:
                self.lifespans |= {last_name(part) for part in node.args}
            for keyword in node.keywords:
                if keyword.arg in ("lifespan", "on_startup", "startup", "on_app_init", "post_init"):
                    values = getattr(keyword.value, "elts", [keyword.value])
                    self.lifespans |= {last_name(value) for value in values}

    def runs_again(
        self,
        around: tuple[FunctionNode, ...],
        owner: str = "",
        seen: frozenset[ast.AST] = frozenset(),
    ) -> bool:
        """Return whether the code in these functions runs many times.

        A coroutine without a known caller does. Any other function does if its callers do.
        """
        if not around or any(map(self._runs_once, around)):
            return False
        function = around[-1]
        if function in seen:
            return False
        name = owner if function.name == "__init__" else function.name
        if name in self.dependencies or _is_route(function):
            return True
        callers = [
            caller
            for caller in self.calls.get(name, ())
            if not (caller.around and caller.around[-1] is function)
        ]
        is_async = isinstance(function, ast.AsyncFunctionDef)
        if is_async and not callers:
            return True
        return any(
            not caller.is_kept
            and (
                any(map(_is_job, caller.around))
                if caller.runs_to_its_end
                else self.runs_again(caller.around, seen=seen | {function})
            )
            for caller in callers
        )

    def is_dependency(self, function: FunctionNode) -> bool:
        """Return whether a framework calls a function for each request."""
        return function.name in self.dependencies or _is_route(function)

    def _runs_once(self, function: FunctionNode) -> bool:
        decorators = {last_name(decorator) for decorator in function.decorator_list}
        by_name = function.name != "__init__" and _ONCE.fullmatch(function.name)
        provided = any(
            last_name(decorator) == "provide" and "REQUEST" not in ast.unparse(decorator)
            for decorator in function.decorator_list
        )  # of dishka
        started = function.name in self.lifespans or _answers_lifespan(function)
        return bool(by_name or provided or started or decorators & CACHES)


def _answers_lifespan(function: FunctionNode) -> bool:
    """Return whether a function is an ASGI application that handles the start of the server."""
    return any(
        isinstance(node, ast.Constant) and node.value in ("lifespan", "lifespan.startup")
        for node in within(function)
    )


def _is_route(function: FunctionNode) -> bool:
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr in _ROUTES - {"task", "actor", "job"}
        for part in function.decorator_list
    )


_JOBS = words("shared_task task actor job periodic_task")


def _is_job(function: FunctionNode) -> bool:
    """Return whether a worker, such as Celery's, calls a function for each message."""
    return any(last_name(decorator) in _JOBS for decorator in function.decorator_list)


_LOOPS = words("asyncio anyio trio uvloop curio runner loop event_loop portal")


def _runs(call: ast.Call) -> bool:
    """Return whether a call runs a coroutine to its end, as asyncio.run does."""
    if last_name(call.func) == "run_until_complete":
        return True
    match call.func:
        case ast.Attribute(value=owner, attr="run"):
            return last_name(owner) in _LOOPS
        case ast.Name(id="run"):
            return True
    return False


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


_Call = tuple[ast.Call, tuple[FunctionNode, ...], ast.stmt | None, bool]


def _walk(
    node: ast.AST,
    around: tuple[FunctionNode, ...],
    statement: ast.stmt | None = None,
    ran: bool = False,
) -> Iterator[_Call]:
    waiting = [(node, around, statement, ran)]
    while waiting:
        node, around, statement, ran = waiting.pop()
        if isinstance(node, ast.stmt):
            statement, ran = node, False
        if isinstance(node, ast.Call):
            yield node, around, statement, ran
            waiting.append((node.func, around, statement, False))
            waiting += [(part, around, statement, _runs(node)) for part in _given(node)]
            continue
        inner = (*around, node) if isinstance(node, FunctionNode) else around
        waiting += [(child, inner, statement, ran) for child in ast.iter_child_nodes(node)]


def _keeps(node: ast.stmt, around: tuple[FunctionNode, ...]) -> bool:
    """Return whether a statement stores its value for longer than the function runs."""
    match node:
        case ast.Assign(targets=targets):
            pass
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            targets = [target]
        case _:
            return False
    return any(is_stored(target, around) for target in targets)


def is_stored(target: ast.expr, around: tuple[FunctionNode, ...]) -> bool:
    """Return whether a target lives longer than the function: an attribute, an item, a global.

    A local name does if a later statement stores it in one of these.
    """
    if isinstance(target, ast.Attribute | ast.Subscript):
        return True
    if isinstance(target, ast.Tuple):
        return any(is_stored(part, around) for part in target.elts)
    if not isinstance(target, ast.Name) or not around:
        return False
    for node in within(around[-1]):
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names) if target.id in names:
                return True
            case ast.Assign(targets=targets, value=ast.Name(id=name)) if name == target.id:
                if any(isinstance(part, ast.Attribute | ast.Subscript) for part in targets):
                    return True
            case ast.Call(func=ast.Name(id="setattr"), args=[_, _, ast.Name(id=name)]):
                if name == target.id:
                    return True
    return False
