"""The keyword arguments of an engine: a pool of the target's size, and the target's own options."""

from typing import Any
from uuid import uuid4

from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool, QueuePool

from accessors.api import Target
from accessors.connect_options import ADAPTER

_UNPOOLED = "NullPool"
_QUEUES = ("QueuePool", QueuePool, AsyncAdaptedQueuePool)
_OF_A_QUEUE = ("max_overflow", "pool_timeout", "pool_use_lifo")
_OWN = (*ADAPTER, "connect_args")


def pool_arguments(target: Target) -> dict[str, Any]:
    """Return the arguments of `create_engine` that make the pool, and the target's others."""
    given = {name: value for name, value in target.engine.items() if name not in _OWN}
    poolclass = given.pop("poolclass", None)
    if _unpooled(target):
        # create_engine refuses arguments of a pool that keeps connections.
        kept = {name: value for name, value in given.items() if name not in _OF_A_QUEUE}
        return {"poolclass": NullPool, **kept}
    if poolclass is not None and poolclass not in _QUEUES:
        return {"poolclass": poolclass, **given}
    # Without a class, SQLAlchemy chooses its queue for the mode: QueuePool or its async form.
    if _sized(target):
        return given
    timeout = {} if target.pool_timeout_s is None else {"pool_timeout": target.pool_timeout_s}
    return {"pool_size": target.pool_size, "max_overflow": 0, **timeout, **given}


def kept_connections(target: Target) -> int:
    """Return how many connections to open before the clock: none without a pool.

    If the application names the size of its pool, at most so many.
    """
    poolclass = target.engine.get("poolclass")
    if _unpooled(target) or (poolclass is not None and poolclass not in _QUEUES):
        return 0
    if _sized(target):
        return min(target.pool_size, int(target.engine["pool_size"]))
    return target.pool_size


def connect_arguments(target: Target) -> dict[str, Any]:
    """Return the keyword arguments for the driver's `connect`, beside the URL."""
    return {**target.connect, **target.engine.get("connect_args", {})}


def _unpooled(target: Target) -> bool:
    return target.engine.get("poolclass") in (_UNPOOLED, NullPool)


def _sized(target: Target) -> bool:
    return "pool_size" in target.engine


def adapter_arguments(target: Target) -> dict[str, Any]:
    """Return the arguments for SQLAlchemy's adapter of asyncpg, which `create_engine` lacks."""
    given = {name: value for name, value in target.engine.items() if name in ADAPTER}
    if given.get("prepared_statement_name_func") == "uuid":
        given["prepared_statement_name_func"] = _unique_name
    return given


def _unique_name() -> str:
    """Return a name that no other client of a pooler has."""
    return f"__asyncpg_{uuid4()}__"
