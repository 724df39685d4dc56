"""The arguments of an application's own engine are kept beside those of the harness."""

import pytest
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool, QueuePool, StaticPool

from accessors.api import Target
from accessors.engine_arguments import connect_arguments, kept_connections, pool_arguments

GIVEN = [
    ({}, {"pool_size": 4, "max_overflow": 0}, 4),
    ({"pool_pre_ping": True}, {"pool_size": 4, "max_overflow": 0, "pool_pre_ping": True}, 4),
    ({"max_overflow": 2}, {"pool_size": 4, "max_overflow": 2}, 4),
    ({"pool_size": 2}, {"pool_size": 2}, 2),
    ({"poolclass": QueuePool}, {"pool_size": 4, "max_overflow": 0}, 4),
    ({"poolclass": AsyncAdaptedQueuePool}, {"pool_size": 4, "max_overflow": 0}, 4),
    ({"poolclass": NullPool, "pool_timeout": 1}, {"poolclass": NullPool}, 0),
    ({"poolclass": "NullPool"}, {"poolclass": NullPool}, 0),
    ({"poolclass": StaticPool, "echo": False}, {"poolclass": StaticPool, "echo": False}, 0),
]


@pytest.mark.parametrize(("engine", "arguments", "kept"), GIVEN)
def test_the_applications_arguments_are_kept(
    engine: dict[str, object], arguments: dict[str, object], kept: int
) -> None:
    """Forbid that a pool of the application's is replaced, or is opened wider than it is."""
    target = Target("postgresql://", 4, engine=engine)
    assert pool_arguments(target) == arguments
    assert kept_connections(target) == kept


def test_connect_args_reach_the_driver() -> None:
    """Forbid that connect_args are lost: create_engine ignores them beside a creator."""
    target = Target("postgresql://", connect={"a": 1}, engine={"connect_args": {"b": 2}})
    assert connect_arguments(target) == {"a": 1, "b": 2}
    assert "connect_args" not in pool_arguments(target)
