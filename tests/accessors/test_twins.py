"""The sync and the async twin are one text: without async and await, and with some names mapped,
their syntax trees are equal, except for the differences listed here, each with its reason."""

import ast
import difflib
import re
from dataclasses import dataclass

import pytest

from tests.root import ROOT


@dataclass(frozen=True)
class Twins:
    """Two files, or two classes of one file, and the permitted differences."""

    sync: str
    aio: str
    permitted: tuple["Difference", ...] = ()
    sync_class: str | None = None
    aio_class: str | None = None


@dataclass(frozen=True)
class Difference:
    """Lines of `ast.unparse`, after the mapping, that differ between the twins."""

    sync: str
    aio: str
    reason: str


PREFIXES = re.compile(
    r"\b(_?)(?:Async|async_|Thread(?=StartBarrier))(?=[A-Za-z])|(?<=[a-z])_async\b"
)
WORDS = {
    "asynccontextmanager": "contextmanager",
    "AbstractAsyncContextManager": "AbstractContextManager",
    "create_async_engine": "create_engine",
    "enter_async_context": "enter_context",
    "stream_scalars": "scalars",
    "aclosing": "closing",
    "aiter": "iter",
    "anext": "next",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "clients_async": "clients_sync",
}
MODULES = {
    "accessors.aio": "accessors.sync",
    "accessors.aio.engine": "accessors.sync.engine",
    "sqlalchemy.ext.asyncio": "sqlalchemy",
    "sqlalchemy.orm": "sqlalchemy",
    "asyncio": "time",  # sleep
    "bench.measure.clients_async": "bench.measure.clients_sync",
}
PROSE = {
    r"-async\b": "",
    r"\b((?:open_)?)clients_async\b": r"\1clients_sync",
    r"\basync\b": "sync",
    r"\btask(s?)\b": r"thread\1",
}


def plain(name: str) -> str:
    return PREFIXES.sub(lambda found: found[1] or "", WORDS.get(name, name))


class WithoutAsync(ast.NodeTransformer):
    """Removes async and await from a tree, and the words that belong to them."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.visit(ast.FunctionDef(**vars(node)))

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self.visit(ast.With(**vars(node)))

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self.visit(ast.For(**vars(node)))

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "Awaitable":
            return self.visit(node.slice)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.attr = plain(node.attr)
        if ast.unparse(node) == "connection.stream":
            node.attr = "execute"
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            for word, other in PROSE.items():
                node.value = re.sub(word, other, node.value)
            node.value = PREFIXES.sub(lambda found: found[1] or "", node.value)
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("name", "id", "arg"):
            if isinstance(name := getattr(node, field, None), str):
                setattr(node, field, plain(name))
        if isinstance(node, ast.comprehension):
            node.is_async = 0
        return super().generic_visit(node)


def statements(source: str, of_class: str | None = None) -> list[str]:
    """The source without async and await, line by line, its imports sorted and one name each."""
    tree = ast.parse(source)
    if of_class is not None:
        (tree.body,) = ([node] for node in tree.body if getattr(node, "name", "") == of_class)
        strip_docstrings(tree)
    imports = []
    for node in [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]:
        tree.body.remove(node)
        if isinstance(node, ast.ImportFrom):
            module = MODULES.get(node.module or "", node.module)
            names = {plain(alias.name) for alias in node.names} - {"Awaitable"}
            imports += [f"from {module} import {name}" for name in names]
        else:
            imports += [f"import {plain(alias.name)}" for alias in node.names]
    rest = ast.unparse(ast.fix_missing_locations(WithoutAsync().visit(tree)))
    # Each entry of a table gets a line of its own, so that a difference names only that entry.
    return sorted(set(imports)) + re.sub(r"(?<=[{,(]) ?(?=')", "\n", rest).splitlines()


def strip_docstrings(tree: ast.AST) -> None:
    """Remove every docstring; a body without anything else becomes `...`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [
                part
                for part in node.body
                if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
            ] or [ast.Expr(ast.Constant(...))]


def hunks(sync: list[str], aio: list[str]) -> set[tuple[str, str]]:
    """Return the lines that differ, in pairs: those of the first and those of the second."""
    matcher = difflib.SequenceMatcher(None, sync, aio, autojunk=False)
    return {
        ("\n".join(sync[i:j]).strip(), "\n".join(aio[k:m]).strip())
        for tag, i, j, k, m in matcher.get_opcodes()
        if tag != "equal"
    }


def drift(twins: Twins, sync_source: str, aio_source: str) -> str:
    """Return a readable list of every difference that is not permitted, and of every permitted one
    that no longer exists; empty if the twins agree."""
    sync = statements(sync_source, twins.sync_class)
    aio = statements(aio_source, twins.aio_class)
    found = hunks(sync, aio)
    permitted = {(difference.sync, difference.aio) for difference in twins.permitted}
    account = [f"listed, but gone: {old!r} / {new!r}" for old, new in permitted - found]
    if found - permitted:
        account += [f"not listed: {old!r} / {new!r}" for old, new in sorted(found - permitted)]
        account += difflib.unified_diff(sync, aio, twins.sync, twins.aio, lineterm="")
    return "\n".join(account)


THE_DRIVER = "The one driver that has no twin of the other mode."
IMPORT = "if driver == '{0}':\n        import {0}\n        return {0}.connect"
IMPORT_PG8000 = (
    "\n    if driver == 'pg8000':\n        from accessors.sync.pg8000 import connect\n"
    "        return connect"
)
SYNC_ONLY = "pg8000 is sync only."
ITS_DEFAULTS = "The defaults of that driver, for the fairness card."
_ENGINE = "engine: Engine = make(f'postgresql+{driver}://', "
_POOLED = "**pool_arguments(target) | autocommit)"
_ADAPTED = """def _adapted(engine: Engine, connect: Callable[..., Any], target: Target) -> Any:
    \"\"\"Return a new connection in SQLAlchemy's adapter of its driver.

    `creator` does the same, but passes no arguments on to the adapter:
    https://docs.sqlalchemy.org/en/20/core/engines.html (create_async_engine)
    \"\"\"
    dbapi: Any = engine.sync_engine.dialect.dbapi
    return dbapi.connect(creator_fn=connect, **adapter_arguments(target))"""

PAIRS = [
    Twins("accessors/sync/psycopg.py", "accessors/aio/psycopg.py"),
    Twins(
        "accessors/sync/core.py",
        "accessors/aio/core.py",
        (
            Difference(
                "'core+psycopg2',\n'psycopg2'), Core(",
                "'core+asyncpg',\n'asyncpg'), Core(",
                THE_DRIVER,
            ),
            Difference("'psycopg'), Core(\n'core+pg8000',\n'pg8000'))", "'psycopg'))", SYNC_ONLY),
        ),
    ),
    Twins(
        "accessors/sync/orm.py",
        "accessors/aio/orm.py",
        (
            Difference(
                "'orm+psycopg2',\n'psycopg2'), Orm(",
                "'orm+asyncpg',\n'asyncpg'), Orm(",
                THE_DRIVER,
            ),
            Difference("'psycopg'), Orm(\n'orm+pg8000',\n'pg8000'))", "'psycopg'))", SYNC_ONLY),
        ),
    ),
    Twins(
        "accessors/sync/engine.py",
        "accessors/aio/engine.py",
        (
            Difference("'psycopg2': {", "'asyncpg': {", THE_DRIVER),
            Difference(
                "'psycopg2': _SQLALCHEMY | {\n'psycopg2': 'psycopg2-binary'},",
                "'asyncpg': _SQLALCHEMY | {\n'asyncpg': 'asyncpg'},",
                THE_DRIVER,
            ),
            Difference(
                IMPORT.format("psycopg2") + IMPORT_PG8000, IMPORT.format("asyncpg"), SYNC_ONLY
            ),
            Difference(
                "'prepared': 'never',",
                "'prepared': \"always, cached by SQLAlchemy's adapter\",",
                ITS_DEFAULTS,
            ),
            Difference(
                "'writes': 'insertmanyvalues: all lines in one statement'},",
                "'writes': 'executemany: pipelined, a statement a line'},",
                ITS_DEFAULTS,
            ),
            Difference(
                "'psycopg': 'psycopg[binary]'},\n'pg8000': _SQLALCHEMY | {\n'pg8000': 'pg8000'}}\n"
                "_POOL = 'QueuePool, no overflow'",
                "'psycopg': 'psycopg[binary]'}}\n_POOL = 'AdaptedQueuePool, no overflow'",
                "pg8000 is sync only. SQLAlchemy's async QueuePool has a name of its own.",
            ),
            Difference(
                "'writes': 'executemany: pipelined, a statement a line'},\n'pg8000': {\n"
                "'pool': _POOL,\n'prepared': 'never kept: with parameters, parsed at each use in 3 "
                "round trips',\n'default_batch': 'Core 1 growing to 1000; ORM all rows',\n"
                "'writes': 'executemany: a statement a line, 3 round trips each'}}",
                "'writes': 'executemany: pipelined, a statement a line'}}",
                SYNC_ONLY,
            ),
            Difference("", _ADAPTED, "Only the async mode has an adapter with arguments."),
            Difference(
                "",
                "from accessors.engine_arguments import adapter_arguments",
                "Only the async mode has an adapter with arguments.",
            ),
            Difference(
                f"{_ENGINE}creator=connect, {_POOLED}",
                f"{_ENGINE}creator=lambda: _adapted(engine, connect, target), {_POOLED}",
                "Only the async mode has an adapter with arguments.",
            ),
        ),
    ),
    Twins("bench/measure/clients_sync.py", "bench/measure/clients_async.py"),
    Twins("bench/measure/open_clients_sync.py", "bench/measure/open_clients_async.py"),
    Twins(
        "accessors/api.py",
        "accessors/api.py",
        (
            Difference(
                "value: Decimal | None = self.fetch_value("
                "self.reads.total_cost_of_an_order, order_id)\n        return value",
                "return self.fetch_value(self.reads.total_cost_of_an_order, order_id)",
                "mypy lets Any pass as an awaitable's value, and not as a plain one.",
            ),
        ),
        "Accessor",
        "AsyncAccessor",
    ),
    Twins("accessors/api.py", "accessors/api.py", (), "Backend", "AsyncBackend"),
]


def source(path: str) -> str:
    return (ROOT / path).read_text()


@pytest.mark.parametrize("twins", PAIRS, ids=lambda twins: f"{twins.sync}-{twins.sync_class}")
def test_twins_are_equal(twins: Twins) -> None:
    found = drift(twins, source(twins.sync), source(twins.aio))
    assert not found, f"\n{found}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("expire_on_commit=False", "expire_on_commit=True"),
        ("await session.commit()", "await session.flush()"),
        ("            await session.rollback()\n", ""),
        ("import OrderItems, Orders", "import Item, OrderItems, Orders"),
    ],
)
def test_a_drift_is_noticed(old: str, new: str) -> None:
    (twins,) = (pair for pair in PAIRS if pair.sync == "accessors/sync/orm.py")
    aio = source(twins.aio)
    assert old in aio
    found = drift(twins, source(twins.sync), aio.replace(old, new, 1))
    assert "not listed" in found
    assert "+++ accessors/aio/orm.py" in found


def test_a_listed_difference_that_is_no_more_is_noticed() -> None:
    stale = Difference("one = 1", "one = 2", "It was so once.")
    assert drift(Twins("a", "b", (stale,)), "one = 1", "one = 2") == ""
    assert "listed, but gone" in drift(Twins("a", "b", (stale,)), "one = 1", "one = 1")


def test_every_permitted_difference_has_a_reason() -> None:
    assert all(difference.reason.endswith(".") for pair in PAIRS for difference in pair.permitted)


NOT_TWINS = {
    "bench.studies.overhead.ab_pairs._take_turns_async": "asyncpg's pool is not psycopg2's",
    "bench.studies.streaming.bare_loops._pairs_async": "asyncpg's cursor is not psycopg2's",
    "bench.measure.start_barrier.AsyncStartBarrier": "a barrier of tasks and one of threads",
    "bench.measure.start_barrier.ThreadStartBarrier": "a barrier of tasks and one of threads",
}
"""Pairs that do the same in different ways, and the reason."""


def pairs_of_names() -> list[Twins]:
    """Return every function or class of `bench` with an async twin in the same module."""
    found = []
    for path in sorted((ROOT / "bench").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        names = {getattr(node, "name", "") for node in ast.parse(path.read_text()).body}
        file = str(path.relative_to(ROOT))
        found += [
            Twins(file, file, SAME_LOOP, plain(name), name)
            for name in sorted(names)
            if plain(name) != name and plain(name) in names and f"{module}.{name}" not in NOT_TWINS
        ]
    return found


SAME_LOOP = (
    Difference(
        "return list(rows)", "return [row for row in rows]", "An async loop has no list() of it."
    ),
)


@pytest.mark.parametrize(
    "twins", pairs_of_names(), ids=lambda twins: f"{twins.sync}-{twins.aio_class}"
)
def test_twins_of_one_module_are_equal(twins: Twins) -> None:
    """Defect: the twins in the proofs, the checks and the probes could drift apart unseen."""
    both = source(twins.sync)
    account = drift(twins, both, both).splitlines()
    assert [line for line in account if not line.startswith("listed, but gone")] == []


def test_no_twin_is_left_out() -> None:
    """A module of the same name in both folders is a pair."""
    names = (
        {path.name for path in (ROOT / "accessors" / folder).glob("*.py")}
        for folder in ("sync", "aio")
    )
    both = set.intersection(*names) - {"__init__.py"}
    assert {f"accessors/sync/{name}" for name in both} <= {pair.sync for pair in PAIRS}
