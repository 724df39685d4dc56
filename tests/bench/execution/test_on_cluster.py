"""The cases of a run on a cluster."""

import pytest

from bench.execution.on_cluster import without_ways_of_this_machine
from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.link import Link
from bench.model.plan import Plan
from bench.model.profiles import PROFILES

DIRECT = Case("psycopg", "get_total_cost_of_an_order")
DELAYED = Case("psycopg", "get_total_cost_of_an_order", link=Link.parse("1ms"))
BY_TCP = Case("psycopg", "get_total_cost_of_an_order", transport="tcp")


def test_a_way_of_this_machine_is_left_out() -> None:
    """Forbids figures of a direct connection under the name of a latency or a transport."""
    plan = without_ways_of_this_machine(Plan(PROFILES["smoke"], (DIRECT, DELAYED, BY_TCP)), {})
    assert plan.cases == (DIRECT,)
    assert set(plan.impossible) == {DELAYED.key, BY_TCP.key}


def test_nothing_left_is_an_error() -> None:
    with pytest.raises(UsageError, match="no case can be measured"):
        without_ways_of_this_machine(Plan(PROFILES["smoke"], (BY_TCP,)), {})
