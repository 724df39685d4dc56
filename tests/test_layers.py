"""Rules about the code that a reader would otherwise have to trust."""

import ast
import subprocess
import sys
from collections.abc import Iterator
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
    "bench.studies.calibration.slowed": "waits on purpose, to be found by `bench calibrate`",
    "bench.measure.arrivals": "sets when operations are to start",
    "bench.studies.doctor.proxy": "times what the proxy passes on",
    "bench.studies.pool.waits": "opens the window in which clients wait",
    "bench.studies.pool.watched": "times the wait for a connection",
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
    "bench.measure.warm_tasks": "measures the stalls of the event loop",
}
CLOCKS = ("perf_counter", "process_time", "thread_time")

LONGEST = 400

VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base", "core_utils"}

every_module = pytest.mark.parametrize("module", MODULES)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


def imported(module: str, *, at_import_time: bool = False) -> Iterator[str]:
    """The full names that a module imports; `from a import b` gives `a.b`."""
    nodes = at_the_top(tree(module).body) if at_import_time else ast.walk(tree(module))
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


@every_module
def test_imports_go_one_way(module: str) -> None:
    """Any but bench may be taken away alone."""
    package = module.partition(".")[0]
    forbidden = {each: tuple({*OURS} - {each}) for each in OURS if each != "bench"}
    asking = ("accessors.sync", "accessors.aio", "accessors.connect_options")
    if package == "accessors" and not module.startswith(asking):
        forbidden["accessors"] += ("asyncpg", "psycopg", "psycopg2")
    assert [name for name in imported(module) if within(name, forbidden.get(package, ()))] == []


def test_bench_has_packages_only() -> None:
    """A newcomer finds a module's home by guessing: `bench` has no flat root."""
    packages = {module.split(".")[1] for module in MODULES if module.startswith("bench.")}
    assert packages == {package for level in ORDER for package in level}
    assert [
        module
        for module in MODULES
        if module.count(".") == 1 and "bench." in module and MODULES[module].name != "__init__.py"
    ] == []


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("bench.")])
def test_a_package_imports_only_those_below_it(module: str) -> None:
    """Imports for types alone count, too."""
    level = {package: place for place, packages in enumerate(ORDER) for package in packages}
    package = module.split(".")[1]
    needed = {name.split(".")[1] for name in imported(module) if name.startswith("bench.")}
    assert [name for name in needed if name != package and level[name] >= level[package]] == []


@pytest.mark.parametrize("module", [name for name in MODULES if ".studies." in name])
def test_a_study_knows_no_other(module: str) -> None:
    study = module.split(".")[2]
    used = {name.split(".")[2] for name in imported(module) if name.startswith("bench.studies.")}
    assert used <= {study}


@every_module
def test_a_library_is_spoken_to_where_it_should_be(module: str) -> None:
    for library, places in MAY_IMPORT.items():
        if not within(module, places):
            assert [name for name in imported(module) if within(name, (library,))] == []


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("accessors.sync")])
def test_the_sync_mode_imports_no_asyncio(module: str) -> None:
    asynchronous = ("asyncio", "sqlalchemy.ext.asyncio", "asyncpg", "accessors.aio")
    assert [name for name in imported(module) if within(name, asynchronous)] == []
    asynchronous_syntax = ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await
    assert not any(isinstance(node, asynchronous_syntax) for node in ast.walk(tree(module)))


def test_the_async_mode_imports_nothing_of_the_sync_mode() -> None:
    for module in MODULES:
        if module.startswith("accessors.aio"):
            assert not [name for name in imported(module) if within(name, ("accessors.sync",))]


def test_statements_serve_both_modes() -> None:
    assert not [name for name in imported("accessors.statements") if "asyncio" in name]


def test_the_clock_is_read_in_named_places_only() -> None:
    """A module that reads another clock would give times that are not comparable with the first."""
    readers = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and node.attr.startswith(CLOCKS))
        or (isinstance(node, ast.alias) and node.name.startswith(CLOCKS))
    }
    assert readers == set(MAY_READ_THE_CLOCK) & set(MODULES)


PRINTS = {
    "bench.output.terminal.safe_text": ("click.echo", "click.secho", "print", "sys.stdout.write"),
    "bench.output.terminal.console": ("Console", "rich.print"),
}
"""Module -> the calls by which it prints. Every other module of bench prints through these two."""


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("bench.")])
def test_text_reaches_a_terminal_through_one_place(module: str) -> None:
    """Forbids a second way to the terminal, by which escape codes of a results file get there."""
    calls = {
        ast.unparse(node.func) for node in ast.walk(tree(module)) if isinstance(node, ast.Call)
    }
    others = {call for printer, own in PRINTS.items() if printer != module for call in own}
    assert calls & others == set()


@every_module
def test_a_module_says_what_it_is_for(module: str) -> None:
    assert ast.get_docstring(tree(module))


@every_module
def test_a_module_is_named_for_what_it_does(module: str) -> None:
    assert not VAGUE & set(module.split("."))


@every_module
def test_a_module_is_short(module: str) -> None:
    assert size_of(module) <= LONGEST


@every_module
def test_imports_are_absolute(module: str) -> None:
    nodes = ast.walk(tree(module))
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]


def module_of(name: str) -> str | None:
    """The module of ours that an imported full name is, or is in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def test_no_module_imports_itself_in_a_circle() -> None:
    """At import time; an import within a function may go back."""
    needs = {
        module: {module_of(name) for name in imported(module, at_import_time=True)} - {None, module}
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
