"""How one talks to PostgreSQL from Python: six marketplace functions, once a library and colour.

    backend = load("orm+asyncpg")
    async with backend.open(Target("postgresql://localhost/shop")):
        async with backend.accessor() as accessor:      # one session: this task's own
            cost = await accessor.get_total_cost_of_an_order(1)

This package imports nothing of `bench`; it may be taken away alone.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from accessors.api import AnyBackend
from accessors.unloaded import unloaded

ENTRY_POINTS = "gatherbench.backends"
"""The entry point group of other people's backends; each names a module with a `BACKENDS` tuple."""

BUILTIN = {
    "psycopg2": "accessors.sync.psycopg2",
    "psycopg": "accessors.sync.psycopg",
    "core+psycopg2": "accessors.sync.core",
    "core+psycopg": "accessors.sync.core",
    "orm+psycopg2": "accessors.sync.orm",
    "orm+psycopg": "accessors.sync.orm",
    "asyncpg": "accessors.aio.asyncpg",
    "psycopg-async": "accessors.aio.psycopg",
    "core+asyncpg": "accessors.aio.core",
    "core+psycopg-async": "accessors.aio.core",
    "orm+asyncpg": "accessors.aio.orm",
    "orm+psycopg-async": "accessors.aio.orm",
    "null": "accessors.null",
    "null-async": "accessors.null",
}
"""Our backends and the modules that hold them."""


_PACKAGES = {
    "greenlet": "sqlalchemy[asyncio]",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "psycopg_pool": "psycopg-pool",
    "sqlalchemy": "sqlalchemy[asyncio]",
}
"""What pip calls a module that can't be imported, where that is not its own name."""


@dataclass(frozen=True)
class Found:
    """A backend that was looked for."""

    name: str
    module: str
    backend: AnyBackend | None
    """None where it can't be had here."""
    reason: str = ""
    """Why not, and what to install."""


class BackendModuleError(Exception):
    """Somebody's module holds no usable `BACKENDS`."""


def discover(
    modules: Iterable[str] = (),
    importing: Callable[[], AbstractContextManager[None]] = nullcontext,
    *,
    described: bool = False,
) -> dict[str, Found]:
    """Every backend by name: ours, those of entry points, those of `modules`.

    `importing` gives what is entered around the import of a module that is not ours. A missing
    library is a reason, not an error. `described`: ours are not imported if their libraries are
    installed; such a backend has its facts, for a list or a plan, but cannot be opened. Raises
    `BackendModuleError` for a module of `modules` that can't be used, and for a name that is taken.
    """
    found = {}
    for name, module in BUILTIN.items():
        facts = unloaded(name, module) if described else None
        found[name] = Found(name, module, facts) if facts else _look(name, module)
    asked = tuple(modules)
    entries = [point.value for point in entry_points(group=ENTRY_POINTS)]
    for module in dict.fromkeys([*asked, *entries]):
        try:
            with importing():
                names = [backend.name for backend in import_module(module).BACKENDS]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # somebody else's code may even call sys.exit()
            reason = f"{type(error).__name__}: {error}"
            if module in asked:
                raise BackendModuleError(f"{module}: {reason}") from error
            found[module] = Found(module, module, None, reason)
            continue
        for name in names:
            if name in found:
                raise BackendModuleError(f"{module}: a backend named {name!r} exists already")
            found[name] = _look(name, module)
    return found


def load(name: str, module: str | None = None) -> AnyBackend:
    """The backend of that name; of ours, only its own module is imported.

    Raises `KeyError` for an unknown name, `ImportError` for a missing library.
    """
    backends: tuple[AnyBackend, ...] = import_module(module or BUILTIN[name]).BACKENDS
    return {backend.name: backend for backend in backends}[name]


def _look(name: str, module: str) -> Found:
    try:
        backend = load(name, module)
    except ImportError as error:
        # SQLAlchemy's own error for want of greenlet has the name only in its cause.
        lacking = (error.name or getattr(error.__cause__, "name", None) or "").partition(".")[0]
        if not lacking or "failed to map segment" in str(error):  # it is there: memory is not
            return Found(name, module, None, str(error).partition("\n")[0])
        return Found(name, module, None, f"pip install '{_PACKAGES.get(lacking, lacking)}'")
    absent = [needed for needed in backend.requires if not find_spec(needed)]
    packages = dict.fromkeys(backend.requires[needed] for needed in absent)
    if packages:
        return Found(name, module, None, "pip install " + " ".join(f"'{p}'" for p in packages))
    return Found(name, module, backend)
