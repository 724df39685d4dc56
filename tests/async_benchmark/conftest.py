"""Somebody's suite, empty at first."""

import pytest

from tests.async_benchmark.suite import Suite


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    return Suite(pytester)
