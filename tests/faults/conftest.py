"""Fixtures of the fault tests, which are all marked as long."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from tests.bench.command import Bench, kill_what_goes_on


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.long)


@pytest.fixture(autouse=True)
def _nothing_goes_on() -> Iterator[None]:
    yield
    kill_what_goes_on()


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> Bench:
    """Give `bench` commands on a new empty database."""
    return Bench(tmp_path, database.url)


@pytest.fixture(scope="module")
def mortal() -> Iterator[EmbeddedServer]:
    """Give a server that the tests of a module may kill. Each test starts it again."""
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        server.start()
        yield server
        server.stop()
