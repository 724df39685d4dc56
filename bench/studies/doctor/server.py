"""The server's settings that decide what is measured, and who else uses it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bench.studies.doctor import server_version
from bench.studies.doctor.finding import Diagnosis, Level

if TYPE_CHECKING:
    import psycopg

LARGEST_CROWD = 64
"""Of the profiles, in connections."""

# Setting -> the values that are as they should be, what any other does, and how to have one.
_EXPECTED: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "fsync": (
        ("on",),
        "commits wait for nothing: writes are cheaper than they can be in earnest.",
        "ALTER SYSTEM SET fsync = on",
    ),
    "full_page_writes": (("on",), "writes are cheaper than in earnest.", "Set it on."),
    "synchronous_commit": (
        ("on", "local"),
        "commits wait for less, or for a standby: writes are those of this setting.",
        "SET synchronous_commit = on, or say so beside the figures.",
    ),
    "debug_assertions": (
        ("off",),
        "the server was built to check itself: it is several times slower.",
        "Use a build for production.",
    ),
    "log_statement": (
        ("none", "ddl"),
        "the server writes a line for every statement, and that is measured too.",
        "ALTER SYSTEM SET log_statement = 'none'",
    ),
    "log_min_duration_statement": (
        ("-1",),
        "the server times and may log every statement.",
        "ALTER SYSTEM SET log_min_duration_statement = -1",
    ),
    "log_duration": (("off",), "as log_min_duration_statement.", "Set it off."),
    "shared_preload_libraries": (
        ("",),
        "what is loaded there may look at every statement.",
        "Leave it out while measuring, or have it on both sides of a comparison.",
    ),
    "plan_cache_mode": (
        ("auto",),
        "prepared statements are planned otherwise than by default.",
        "Set it to auto.",
    ),
}

_RESERVED = ("superuser_reserved_connections", "reserved_connections")
"""Connections that are kept for others; the second came with PostgreSQL 16."""

_WRONG = {"fsync", "debug_assertions", "log_statement"}
"""Settings with which the figures mislead."""


def findings(connection: "psycopg.Connection[Any]") -> Iterator[Diagnosis]:
    """Of the server behind the connection."""
    yield from server_version.findings(connection)
    names = [*_EXPECTED, "max_connections", *_RESERVED]
    rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [names])
    found = dict(rows.fetchall())
    yield from settings(found)
    reserved = sum(int(found.get(name, 0)) for name in _RESERVED)
    yield connections(int(found["max_connections"]) - reserved)
    others = connection.execute(
        "SELECT count(*) FILTER (WHERE state = 'active'), count(*) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    ).fetchone()
    assert others is not None
    yield company(*others)


def settings(found: Mapping[str, str]) -> Iterator[Diagnosis]:
    """A finding for each that is not as expected; one good one where all are."""
    odd = {
        name: found[name]
        for name, (expected, _, _) in _EXPECTED.items()
        if name in found and found[name] not in expected
    }
    if not odd:
        yield Diagnosis("settings", f"all {len(_EXPECTED)} that matter are PostgreSQL's defaults")
    for name, value in odd.items():
        _, consequence, cure = _EXPECTED[name]
        level: Level = "bad" if name in _WRONG else "warning"
        yield Diagnosis("settings", f"{name} = {value}", level, consequence, cure)


def connections(limit: int) -> Diagnosis:
    """How many the server takes, without those that are reserved."""
    if limit >= LARGEST_CROWD + 4:
        return Diagnosis("connections", f"{limit} at most")
    return Diagnosis(
        "connections",
        f"{limit} at most",
        "warning",
        f"a crowd of {LARGEST_CROWD} does not fit: such cases are refused.",
        "ALTER SYSTEM SET max_connections = 100 and restart, or --concurrency 1,4,16.",
    )


def company(active: int, connected: int) -> Diagnosis:
    """Other clients of the same server: those that ask something now, and all."""
    if not connected:
        return Diagnosis("company", "no other client")
    found = f"{connected} other client{'s' if connected > 1 else ''}, {active} active"
    if not active:
        return Diagnosis("company", found)
    return Diagnosis(
        "company",
        found,
        "warning",
        "what others ask is measured too.",
        "Let them end, or use the embedded server: leave --database-url out.",
    )
