"""Rules about the code that a reader would otherwise have to trust."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import find_spec

import pytest

from tests.root import ROOT

OURS = ("accessors", "async_benchmark", "bench", "session_guard")
SOURCES = {
    "accessors": ROOT,
    "async_benchmark": ROOT / "packages" / "pytest-async-benchmark" / "src",
    "bench": ROOT,
    "session_guard": ROOT / "packages" / "session-guard" / "src",
}
"""The folder that each package of ours lies in."""
MODULES = {
    ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): path
    for package, folder in SOURCES.items()
    for path in sorted((folder / package).rglob("*.py"))
}

ORDER = (
    ("model",),
    ("workloads",),
    ("system",),
    ("server",),
    ("dataset",),
    ("results",),
    ("measure",),
    ("cluster",),
    ("verification",),
    ("execution",),
    ("analysis",),
    ("output",),
    ("studies",),
    ("cli",),
)
"""The packages of `bench`, the lowest first. A package may import those below it, and no other:
measuring never renders, and rendering never measures."""

MAY_IMPORT = {
    "matplotlib": (
        "bench.output.charts",
        "bench.studies.lessons.charts",
        "bench.studies.network.charts",
        "bench.studies.pool.charts",
        "bench.studies.processes.charts",
        "bench.studies.query.charts",
        "bench.studies.saturation.charts",
        "bench.studies.streaming.charts",
    ),
    "jinja2": ("bench.output.report",),
    "scipy": (
        "bench.analysis.stationarity",
        "bench.analysis.student",
        "bench.studies.audit.quantiles",
        "bench.studies.calibration.power_file",
    ),
    "asyncpg": (
        "accessors.aio",
        "bench.studies.overhead",
        "bench.studies.streaming.bare_loops",
        "bench.studies.lessons.fixture",
        "accessors.connect_options",  # asks the installed version for its options
    ),
    "psycopg2": (
        "accessors.sync",
        "accessors.connect_options",
        "bench.studies.overhead",
        "bench.studies.streaming.bare_loops",
        "bench.studies.lessons.fixture",
        "bench.server.drivers",  # its libpq alone knows what it understands
    ),
    "distributed": ("bench.cluster.scheduler",),
    "psycopg_pool": ("accessors.sync", "accessors.aio"),
    "pg8000": ("accessors.sync",),
    "psqlpy": ("accessors.aio",),
    "sqlalchemy": (
        "accessors",
        "bench.studies.overhead.guard",
        "bench.studies.lessons",
        "bench.studies.pool.watched",  # listens to the events of its pools
        "bench.studies.query.forms",
        "bench.studies.streaming.failing",
        "bench.workloads",
        "session_guard",
    ),
}
"""The packages or modules that may import a library. `bench.studies.overhead` has the bare loops
that the harness is compared with."""

MAY_READ_THE_CLOCK = {
    "bench.studies.audit.stalls": "opens the window in which it blocks a loop",
    "bench.measure.memory": "times the one operation",
    "bench.studies.streaming.bare_loops": "times the turns of the harness and of the bare loop",
    "bench.studies.streaming.proof": "times the early stop, and how long a session is held",
    "bench.studies.overhead.guard": "times calls and units of work, guarded and not",
    "bench.studies.doctor.clock": "looks at the clock itself",
    "bench.studies.doctor.disk": "times what a commit waits for",
    "bench.studies.overhead.ab_pairs": "times the turns of the harness and of the bare loop",
    "bench.studies.calibration.busy_wait": "waits on purpose, to be found by `bench power`",
    "bench.studies.calibration.slowed": "waits on purpose, to be found by `bench calibrate`",
    "bench.measure.arrivals": "sets when operations are to start",
    "bench.studies.doctor.proxy": "times what the proxy passes on",
    "bench.studies.pool.watched": "times the wait for a connection",
    "bench.studies.pool.window": "opens the window in which clients wait",
    "bench.measure.open_clients_async": "times each operation at a rate",
    "bench.measure.open_clients_sync": "times each operation at a rate",
    "bench.measure.clients_async": "times each operation",
    "bench.measure.clients_sync": "times each operation",
    "bench.measure.start_barrier": "sets the start barrier and the deadline",
    "bench.measure.shared_barrier": "finds the common start of several processes",
    "bench.studies.lessons.cost_of_the_rule": "times a call, alone and concurrent, round by round",
    "bench.studies.lessons.one_engine": "times a call, round by round",
    "bench.studies.lessons.trial": "times a trial, to show what queueing loses",
    "bench.measure.garbage_collector": "times what the garbage collector takes",
    "bench.measure.meter": "times a whole run, and the client's CPU",
    "bench.measure.heartbeat": "measures the stalls of the event loop",
}
CLOCKS = ("perf_counter", "process_time", "thread_time")

LONGEST = 400

VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base", "core_utils"}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@cache
def nodes_of(module: str) -> tuple[ast.AST, ...]:
    """All nodes of a module: each rule looks at them, and walking there takes longest."""
    return tuple(ast.walk(tree(module)))


@cache
def imports(module: str) -> tuple[str, ...]:
    """The full names that a module imports, within functions too."""
    return tuple(imported(nodes_of(module)))


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The full names that these statements import; `from a import b` gives `a.b`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_the_top(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The statements that run when the module is imported: not in a function, not for mypy."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from at_the_top(node.orelse)
            continue
        yield node
        for inner in ("body", "orelse", "finalbody"):
            yield from at_the_top(getattr(node, inner, []))


def size_of(module: str) -> int:
    return len(MODULES[module].read_text().splitlines())


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


Offences = list[object]


def offenders(
    modules: Iterable[str], rule: Callable[[str], Iterable[object]]
) -> dict[str, Offences]:
    """Return module -> its offences against a rule, for the modules that have any.

    One test for all modules: a test for each would be 3,700 tests, and every process that runs
    tests collects all of them.
    """
    found = {module: list(rule(module)) for module in modules}
    return {module: offences for module, offences in found.items() if offences}


def starting_with(prefix: str) -> list[str]:
    return [module for module in MODULES if module.startswith(prefix)]


def test_offenders_are_named_with_their_offences() -> None:
    """Forbids that a rule holds since it is asked of no module."""
    assert len(MODULES) > 400
    assert offenders(["bench.cli.main", "bench.cli.list"], lambda module: [module[-1]] * 2) == {
        "bench.cli.main": ["n", "n"],
        "bench.cli.list": ["t", "t"],
    }
    assert offenders(MODULES, lambda module: ()) == {}


def test_imports_go_one_way() -> None:
    """Any but bench may be taken away alone."""
    others = {package: tuple({*OURS} - {package}) for package in OURS if package != "bench"}
    asking = ("accessors.sync", "accessors.aio", "accessors.connect_options")

    def forbidden(module: str) -> tuple[str, ...]:
        package = module.partition(".")[0]
        if package == "accessors" and not module.startswith(asking):
            return (*others[package], "asyncpg", "psycopg", "psycopg2")
        return others.get(package, ())

    def wrong(module: str) -> Iterator[str]:
        return (name for name in imports(module) if within(name, forbidden(module)))

    assert offenders(MODULES, wrong) == {}


def test_bench_has_packages_only() -> None:
    """A newcomer finds a module's home by guessing: `bench` has no flat root."""
    packages = {module.split(".")[1] for module in MODULES if module.startswith("bench.")}
    assert packages == {package for level in ORDER for package in level}
    assert [
        module
        for module in MODULES
        if module.count(".") == 1 and "bench." in module and MODULES[module].name != "__init__.py"
    ] == []


def test_a_package_imports_only_those_below_it() -> None:
    """Imports for types alone count, too."""
    level = {package: place for place, packages in enumerate(ORDER) for package in packages}

    def wrong(module: str) -> Iterator[str]:
        package = module.split(".")[1]
        needed = {name.split(".")[1] for name in imports(module) if name.startswith("bench.")}
        return (name for name in needed if name != package and level[name] >= level[package])

    assert offenders(starting_with("bench."), wrong) == {}


def test_a_study_knows_no_other() -> None:
    def wrong(module: str) -> set[str]:
        used = {name.split(".")[2] for name in imports(module) if name.startswith("bench.studies.")}
        return used - {module.split(".")[2]}

    assert offenders(starting_with("bench.studies."), wrong) == {}


def test_a_library_is_spoken_to_where_it_should_be() -> None:
    def wrong(module: str) -> Iterator[str]:
        for library, places in MAY_IMPORT.items():
            if not within(module, places):
                yield from (name for name in imports(module) if within(name, (library,)))

    assert offenders(MODULES, wrong) == {}


def test_the_sync_mode_imports_no_asyncio() -> None:
    asynchronous = ("asyncio", "sqlalchemy.ext.asyncio", "asyncpg", "accessors.aio")
    syntax = ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await

    def wrong(module: str) -> Iterator[object]:
        yield from (name for name in imports(module) if within(name, asynchronous))
        yield from (node for node in nodes_of(module) if isinstance(node, syntax))

    assert offenders(starting_with("accessors.sync"), wrong) == {}


def test_the_async_mode_imports_nothing_of_the_sync_mode() -> None:
    for module in MODULES:
        if module.startswith("accessors.aio"):
            assert not [name for name in imports(module) if within(name, ("accessors.sync",))]


def test_statements_serve_both_modes() -> None:
    assert not [name for name in imports("accessors.statements") if "asyncio" in name]


def test_the_clock_is_read_in_named_places_only() -> None:
    """A module that reads another clock would give times that are not comparable with the first."""
    readers = {
        module
        for module in MODULES
        for node in nodes_of(module)
        if (isinstance(node, ast.Attribute) and node.attr.startswith(CLOCKS))
        or (isinstance(node, ast.alias) and node.name.startswith(CLOCKS))
    }
    assert readers == set(MAY_READ_THE_CLOCK) & set(MODULES)


PRINTS = {
    "bench.output.terminal.safe_text": ("click.echo", "click.secho", "print", "sys.stdout.write"),
    "bench.output.terminal.console": ("Console", "rich.print"),
}
"""Module -> the calls by which it prints. Every other module of bench prints through these two."""


def test_text_reaches_a_terminal_through_one_place() -> None:
    """Forbids a second way to the terminal, by which escape codes of a results file get there."""

    def wrong(module: str) -> set[str]:
        calls = {ast.unparse(node.func) for node in nodes_of(module) if isinstance(node, ast.Call)}
        return calls & {call for printer in PRINTS if printer != module for call in PRINTS[printer]}

    assert offenders(starting_with("bench."), wrong) == {}


def test_a_module_says_what_it_is_for() -> None:
    assert [module for module in MODULES if not ast.get_docstring(tree(module))] == []


def test_a_module_is_named_for_what_it_does() -> None:
    assert offenders(MODULES, lambda module: VAGUE & set(module.split("."))) == {}


def test_a_module_is_short() -> None:
    assert {module: size_of(module) for module in MODULES if size_of(module) > LONGEST} == {}


def test_imports_are_absolute() -> None:
    def wrong(module: str) -> Iterator[int]:
        nodes = nodes_of(module)
        return (node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level)

    assert offenders(MODULES, wrong) == {}


def module_of(name: str) -> str | None:
    """The module of ours that an imported full name is, or is in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def test_no_module_imports_itself_in_a_circle() -> None:
    """At import time; an import within a function may go back."""
    needs = {
        module: {module_of(name) for name in imported(at_the_top(tree(module).body))}
        - {None, module}
        for module in MODULES
    }
    # A package's own module is done with when its modules' turn comes only if it needs none.
    while free := {module for module, needed in needs.items() if not needed}:
        needs = {module: needed - free for module, needed in needs.items() if module not in free}
    assert needs == {}


HEAVY = ("asyncpg", "matplotlib", "numpy", "psycopg", "psycopg2", "rich", "scipy", "sqlalchemy")


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after a statement."""
    script = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    command = [sys.executable, "-W", "error", "-c", script]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "accessors.api",
        "accessors.null",
        "async_benchmark.plugin",
        "bench.model.case",
        "bench.server.database",
        "bench.dataset.loading",
        "bench.measure.runner",
        "bench.cli.main",
    ],
)
def test_a_light_module_loads_nothing_heavy(module: str) -> None:
    """`bench --help` answers in a blink only while every import of a library waits for its use."""
    if module not in MODULES:
        pytest.skip(f"there is no {module} yet")
    assert find_spec(module)
    assert loaded_by(f"import {module}") & set(HEAVY) == set()
