"""The keyword arguments of an engine: a pool of the target's size, and the target's own options."""

from typing import Any
from uuid import uuid4

from sqlalchemy.pool import NullPool

from accessors.api import Target
from accessors.connect_options import ADAPTER

_UNPOOLED = "NullPool"


def pool_arguments(target: Target) -> dict[str, Any]:
    """Return the arguments of `create_engine` that make the pool, and the target's others."""
    given = {name: value for name, value in target.engine.items() if name not in ADAPTER}
    poolclass = given.pop("poolclass", None)
    if poolclass == _UNPOOLED:
        # create_engine refuses arguments of a pool that keeps connections.
        without = ("max_overflow", "pool_timeout", "pool_use_lifo")
        kept = {name: value for name, value in given.items() if name not in without}
        return {"poolclass": NullPool, **kept}
    # Without a class, SQLAlchemy chooses its queue for the mode: QueuePool or its async form.
    timeout = {} if target.pool_timeout_s is None else {"pool_timeout": target.pool_timeout_s}
    return {"pool_size": target.pool_size, "max_overflow": 0, **timeout, **given}


def kept_connections(target: Target) -> int:
    """Return how many connections the pool keeps open: none without a pool."""
    return 0 if target.engine.get("poolclass") == _UNPOOLED else target.pool_size


def adapter_arguments(target: Target) -> dict[str, Any]:
    """Return the arguments for SQLAlchemy's adapter of asyncpg, which `create_engine` lacks."""
    given = {name: value for name, value in target.engine.items() if name in ADAPTER}
    if given.get("prepared_statement_name_func") == "uuid":
        given["prepared_statement_name_func"] = _unique_name
    return given


def _unique_name() -> str:
    """Return a name that no other client of a pooler has."""
    return f"__asyncpg_{uuid4()}__"
