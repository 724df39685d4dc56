"""Fixtures for embedded servers of a single test, which are stopped after it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.server.embedded import EmbeddedServer


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder with a short path (the fixture `server` says why not tmp_path)."""
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        yield Path(folder)


@pytest.fixture
def new_server() -> Iterator[Callable[[Path], EmbeddedServer]]:
    servers: list[EmbeddedServer] = []

    def new(folder: Path) -> EmbeddedServer:
        servers.append(EmbeddedServer(folder))
        return servers[-1]

    yield new
    for server in servers:
        server.stop()


@pytest.fixture
def own(place: Path, new_server: Callable[[Path], EmbeddedServer]) -> EmbeddedServer:
    """Give a server that is not started yet."""
    return new_server(place / "postgres")
