"""The built-in backends as they describe themselves, without the import of their libraries.

SQLAlchemy and the drivers take most of a second to import. A list of backends needs only their
facts, and whether their libraries are installed. A test holds these facts to the backends' own.
"""

import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec

from accessors.api import (
    Accessor,
    AnyBackend,
    AsyncAccessor,
    AsyncBackend,
    Backend,
    Target,
    Transactions,
)

_SQLALCHEMY = ("sqlalchemy", "greenlet")
_IMPLEMENTATIONS = ("psycopg_binary", "psycopg_c")
"""The compiled parts of psycopg. Without one of them it needs libpq, which only an import finds."""


@dataclass(frozen=True)
class Facts:
    """The facts of a backend that a list and a plan need."""

    layer: str
    driver: str
    libraries: tuple[str, ...] = ()
    """The modules that it imports."""
    also: tuple[str, ...] = ()
    transactions: tuple[Transactions, ...] = ("autocommit", "implicit")
    in_memory: bool = False


FACTS: Mapping[str, Facts] = {
    "psycopg2": Facts("driver", "psycopg2", ("psycopg2",), ("iterate",)),
    "psycopg": Facts(
        "driver", "psycopg", ("psycopg", "psycopg_pool"), ("iterate", "stream_single_rows")
    ),
    "pg8000": Facts("driver", "pg8000", ("pg8000",), ("iterate",)),
    "core+psycopg2": Facts("core", "psycopg2", (*_SQLALCHEMY, "psycopg2")),
    "core+psycopg": Facts("core", "psycopg", (*_SQLALCHEMY, "psycopg")),
    "core+pg8000": Facts("core", "pg8000", (*_SQLALCHEMY, "pg8000")),
    "orm+psycopg2": Facts("orm", "psycopg2", (*_SQLALCHEMY, "psycopg2")),
    "orm+psycopg": Facts("orm", "psycopg", (*_SQLALCHEMY, "psycopg")),
    "orm+pg8000": Facts("orm", "pg8000", (*_SQLALCHEMY, "pg8000")),
    "asyncpg": Facts("driver", "asyncpg", ("asyncpg",), transactions=("autocommit",)),
    "psycopg-async": Facts(
        "driver", "psycopg", ("psycopg", "psycopg_pool"), ("iterate", "stream_single_rows")
    ),
    "psqlpy": Facts("driver", "psqlpy", ("psqlpy",), transactions=("autocommit",)),
    "core+asyncpg": Facts("core", "asyncpg", (*_SQLALCHEMY, "asyncpg")),
    "core+psycopg-async": Facts("core", "psycopg", (*_SQLALCHEMY, "psycopg")),
    "orm+asyncpg": Facts("orm", "asyncpg", (*_SQLALCHEMY, "asyncpg")),
    "orm+psycopg-async": Facts("orm", "psycopg", (*_SQLALCHEMY, "psycopg")),
    "null": Facts("null", "null", in_memory=True),
    "null-async": Facts("null", "null", in_memory=True),
}
"""The facts of each built-in backend."""


class UnloadedBackend(Backend):
    """A sync backend that is described, but not imported. It cannot be opened."""

    def __init__(self, name: str, facts: Facts) -> None:
        self.name = name
        self.layer, self.driver = facts.layer, facts.driver  # type: ignore[misc]
        self.also, self.transactions = facts.also, facts.transactions
        self.in_memory = facts.in_memory

    def open(self, target: Target) -> AbstractContextManager[None]:
        """Raise `NotImplementedError`: `accessors.load` gives a backend that can be opened."""
        raise NotImplementedError(f"load({self.name!r}) first")

    def accessor(self) -> AbstractContextManager[Accessor]:
        """Raise `NotImplementedError`, as `open`."""
        raise NotImplementedError(f"load({self.name!r}) first")


class UnloadedAsyncBackend(AsyncBackend):
    """An async backend that is described, but not imported. It cannot be opened."""

    def __init__(self, name: str, facts: Facts) -> None:
        self.name = name
        self.layer, self.driver = facts.layer, facts.driver  # type: ignore[misc]
        self.also, self.transactions = facts.also, facts.transactions
        self.in_memory = facts.in_memory

    def open(self, target: Target) -> AbstractAsyncContextManager[None]:
        """Raise `NotImplementedError`: `accessors.load` gives a backend that can be opened."""
        raise NotImplementedError(f"load({self.name!r}) first")

    def accessor(self) -> AbstractAsyncContextManager[AsyncAccessor]:
        """Raise `NotImplementedError`, as `open`."""
        raise NotImplementedError(f"load({self.name!r}) first")


def unloaded(name: str, module: str) -> AnyBackend | None:
    """Return the built-in backend of that name by its facts.

    Return None if a library is missing, or may not work: only an import gives the reason.
    """
    facts = FACTS[name]
    if not all(map(_installed, facts.libraries)):
        return None
    if "psycopg" in facts.libraries and (
        "PSYCOPG_IMPL" in os.environ or not any(map(_installed, _IMPLEMENTATIONS))
    ):
        return None
    asynchronous = module.startswith("accessors.aio") or name.endswith("-async")
    return (UnloadedAsyncBackend if asynchronous else UnloadedBackend)(name, facts)


def _installed(library: str) -> bool:
    """Return whether the import system finds a package of that name. Nothing is imported.

    All the libraries are packages. A single file of that name is another module: only its import
    shows what it is.
    """
    try:
        spec = find_spec(library)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.submodule_search_locations is not None
