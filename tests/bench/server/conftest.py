"""Fixtures for embedded servers of a single test, which are stopped after it."""

import subprocess
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


@pytest.fixture(scope="session")
def _stopped() -> Iterator[Path]:
    """The files of a server that has run. To copy them is faster than initdb."""
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        server.start()
        server.stop()
        yield server.folder


@pytest.fixture
def stopped(
    _stopped: Path, place: Path, new_server: Callable[[Path], EmbeddedServer]
) -> EmbeddedServer:
    """Give a server that has run before, and is stopped."""
    subprocess.run(["cp", "-a", _stopped, place / "postgres"], check=True)
    return new_server(place / "postgres")


@pytest.fixture
def own(place: Path, new_server: Callable[[Path], EmbeddedServer]) -> EmbeddedServer:
    """Give a server that is not started yet."""
    return new_server(place / "postgres")
