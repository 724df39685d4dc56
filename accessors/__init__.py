"""Access to PostgreSQL from Python: six marketplace functions, for each library and mode.

    backend = load("orm+asyncpg")
    async with backend.open(Target("postgresql://localhost/shop")):
        async with backend.accessor() as accessor:      # one session, which belongs to this task
            cost = await accessor.get_total_cost_of_an_order(1)

This package imports nothing of `bench`, so it can be used without it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from accessors.api import AnyBackend
from accessors.mode import with_mode
from accessors.unloaded import unloaded

ENTRY_POINTS = "gatherbench.backends"
"""The entry point group for backends of other packages.

Each entry point names a module that has a tuple `BACKENDS`.
"""

BUILTIN = {
    "psycopg2": "accessors.sync.psycopg2",
    "psycopg": "accessors.sync.psycopg",
    "pg8000": "accessors.sync.pg8000",
    "core+psycopg2": "accessors.sync.core",
    "core+psycopg": "accessors.sync.core",
    "core+pg8000": "accessors.sync.core",
    "orm+psycopg2": "accessors.sync.orm",
    "orm+psycopg": "accessors.sync.orm",
    "orm+pg8000": "accessors.sync.orm",
    "asyncpg": "accessors.aio.asyncpg",
    "psycopg-async": "accessors.aio.psycopg",
    "psqlpy": "accessors.aio.psqlpy",
    "core+asyncpg": "accessors.aio.core",
    "core+psycopg-async": "accessors.aio.core",
    "orm+asyncpg": "accessors.aio.orm",
    "orm+psycopg-async": "accessors.aio.orm",
    "null": "accessors.null",
    "null-async": "accessors.null",
}
"""The built-in backends and the modules that define them."""

EXTRAS = ("pg8000", "core+pg8000", "orm+pg8000", "psqlpy")
"""The built-in backends whose libraries are extras of gatherbench. A command uses them only if they
are named: otherwise a package that was installed for another purpose would lengthen every run."""

_PACKAGES = {
    "greenlet": "sqlalchemy[asyncio]",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "psycopg_pool": "psycopg-pool",
    "sqlalchemy": "sqlalchemy[asyncio]",
}
"""Module -> the name that pip has for it, where the two differ."""


@dataclass(frozen=True)
class Found:
    """The result of the search for one backend."""

    name: str
    module: str
    backend: AnyBackend | None
    """The backend; None if it can't be used here."""
    reason: str = ""
    """The reason why the backend can't be used, or the command that installs what is missing."""


class BackendModuleError(Exception):
    """A backend module can't be used: its import fails, or it has no valid `BACKENDS`."""


def discover(
    modules: Iterable[str] = (),
    importing: Callable[[], AbstractContextManager[None]] = nullcontext,
    *,
    described: bool = False,
    only: Collection[str] = (),
) -> dict[str, Found]:
    """Return every backend by name: built in, from `modules`, from entry points.

    `importing`: returns a context manager, which surrounds the import of each module that is not
    built in. A missing library is a `reason` in the result, and raises nothing. `described`: a
    built-in backend is not imported if its libraries are installed. It then has its facts, for a
    list or a plan, but cannot be opened. `only`: all other built-in backends are described so.
    Raises `BackendModuleError` for a module of `modules` that can't be used, and for a name that is
    used twice. A backend of another module takes the place of a built-in one of `EXTRAS`: it may
    have had this name first.
    """
    results = {}
    for name, module in BUILTIN.items():
        facts = unloaded(name, module) if described or (only and name not in only) else None
        results[name] = Found(name, module, facts) if facts else _look(name, module)
    requested = tuple(modules)
    entries = [point.value for point in entry_points(group=ENTRY_POINTS)]
    for module in dict.fromkeys([*requested, *entries]):
        try:
            with importing():
                names = [backend.name for backend in import_module(module).BACKENDS]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # foreign code may even call sys.exit()
            reason = f"{type(error).__name__}: {error}"
            if module in requested:
                raise BackendModuleError(f"{module}: {reason}") from error
            results[module] = Found(module, module, None, reason)
            continue
        for name in names:
            if name in results and not is_extra(results[name]):
                raise BackendModuleError(f"{module}: a backend named {name!r} exists already")
            results[name] = _look(name, module)
    return results


def usual(results: Mapping[str, Found]) -> dict[str, Found]:
    """Return the backends that a command uses if none is named: available ones, without extras."""
    return {
        name: result
        for name, result in results.items()
        if result.backend is not None and not is_extra(result)
    }


def load(name: str, module: str | None = None) -> AnyBackend:
    """Return the backend with this name, from `module` or else from the built-in modules.

    Only the module of this backend is imported. Raises `KeyError` for an unknown name, and
    `ImportError` for a missing library.
    """
    backends: tuple[AnyBackend, ...] = import_module(module or BUILTIN[name]).BACKENDS
    return with_mode({backend.name: backend for backend in backends}[name])


def is_extra(result: Found) -> bool:
    """Return whether this is one of our own backends in `EXTRAS`."""
    return result.name in EXTRAS and result.module == BUILTIN[result.name]


def _look(name: str, module: str) -> Found:
    try:
        backend = load(name, module)
    except ImportError as error:
        # If greenlet is missing, SQLAlchemy's own error has its name only in its cause.
        missing = (error.name or getattr(error.__cause__, "name", None) or "").partition(".")[0]
        # A library that is installed, but for which memory was short, is not missing.
        if not missing or "failed to map segment" in str(error):
            return Found(name, module, None, str(error).partition("\n")[0])
        return Found(name, module, None, f"pip install '{_PACKAGES.get(missing, missing)}'")
    absent = [required for required in backend.requires if not find_spec(required)]
    packages = dict.fromkeys(backend.requires[required] for required in absent)
    if packages:
        return Found(name, module, None, "pip install " + " ".join(f"'{p}'" for p in packages))
    return Found(name, module, backend)
