"""The server and the databases of the suite, for the tests of the packages too."""

from tests.conftest import _pytest_without_hypothesis, database, server

__all__ = ["_pytest_without_hypothesis", "database", "server"]
