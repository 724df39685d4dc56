"""The server's version: the settings that it lacks, and whether gatherbench was tested with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.server.database import OLDEST_SERVER
from bench.server.programs import MAJOR_VERSION
from bench.studies.doctor.finding import Diagnosis

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class NewSetting:
    """A setting that gatherbench reads and that the oldest servers do not have."""

    since: int
    """The first major version that has it."""
    without: str
    """The behaviour of an older server, and what is missing from the figures."""


NEW_SETTINGS: Mapping[str, NewSetting] = {
    "reserved_connections": NewSetting(
        16, "only superusers have connections kept for them; free connections are counted so"
    ),
    "io_method": NewSetting(
        18, "each backend reads from disk by itself, and a run's environment does not name it"
    ),
}
"""From https://www.postgresql.org/docs/release/; tests/versions asks each server."""


def findings(connection: "psycopg.Connection[Any]") -> Iterator[Diagnosis]:
    """Yield the diagnoses of the version of the connection's server."""
    version = connection.info.parameter_status("server_version") or "unknown"
    yield from of_version(version, connection.info.server_version // 10_000)


def of_version(version: str, major: int) -> Iterator[Diagnosis]:
    """Yield the diagnoses of a version, given in the server's words and as its major number."""
    if major > MAJOR_VERSION:
        yield Diagnosis(
            "version",
            f"PostgreSQL {version}",
            "warning",
            f"gatherbench was tested with {OLDEST_SERVER} to {MAJOR_VERSION}: a newer server may "
            "have settings that change the figures and are not checked.",
            "Look for a newer gatherbench, or leave --database-url out for the embedded server.",
        )
        return
    yield Diagnosis("version", f"PostgreSQL {version}")
    for name, setting in NEW_SETTINGS.items():
        if major < setting.since:
            yield Diagnosis(
                "version", f"no {name}, which came with {setting.since}: {setting.without}"
            )
