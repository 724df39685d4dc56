"""The server and the databases of the suite, for the tests of the packages too."""

import pytest

from tests.conftest import _pytest_without_hypothesis, database, server
from tests.long import mark, skip_if_late

__all__ = ["_pytest_without_hypothesis", "database", "server"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes long, also where `pytest packages` runs alone."""
    mark(items)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out a long test for which no time is left, as in tests/."""
    skip_if_late(item)
