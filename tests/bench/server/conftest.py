"""Embedded servers of a test's own, stopped after it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.server.embedded import EmbeddedServer


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder of our own (see the fixture `server` for why not tmp_path)."""
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        yield Path(folder)


@pytest.fixture
def new_server() -> Iterator[Callable[[Path], EmbeddedServer]]:
    made: list[EmbeddedServer] = []

    def new(folder: Path) -> EmbeddedServer:
        made.append(EmbeddedServer(folder))
        return made[-1]

    yield new
    for server in made:
        server.stop()


@pytest.fixture
def own(place: Path, new_server: Callable[[Path], EmbeddedServer]) -> EmbeddedServer:
    """A server that is not started yet."""
    return new_server(place / "postgres")
