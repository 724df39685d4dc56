"""The settings of the server that change the figures, and the other clients of the server."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bench.studies.doctor import server_version
from bench.studies.doctor.finding import Diagnosis, Level

if TYPE_CHECKING:
    import psycopg

HIGHEST_CONCURRENCY = 64
"""The highest concurrency of the profiles, in connections."""

# Setting -> the good values, the effect of any other value, and the way to get a good one.
_EXPECTED: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "fsync": (
        ("on",),
        "commits do not wait for the disk: writes cost less than on a safe server.",
        "ALTER SYSTEM SET fsync = on",
    ),
    "full_page_writes": (("on",), "writes cost less than on a safe server.", "Set it on."),
    "synchronous_commit": (
        ("on", "local"),
        "commits wait for less, or for a standby: the figures of writes depend on it.",
        "SET synchronous_commit = on, or name the setting beside the figures.",
    ),
    "debug_assertions": (
        ("off",),
        "the server was built with internal checks: it is several times slower.",
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
        "a library that is loaded there may inspect every statement.",
        "Remove it while measuring, or have it on both sides of a comparison.",
    ),
    "plan_cache_mode": (
        ("auto",),
        "prepared statements are planned in another way than by default.",
        "Set it to auto.",
    ),
}

_RESERVED = ("superuser_reserved_connections", "reserved_connections")
"""Settings that reserve connections for other users. PostgreSQL 16 added the second."""

_WRONG = {"fsync", "debug_assertions", "log_statement"}
"""Settings with which the figures mislead."""


def findings(connection: "psycopg.Connection[Any]") -> Iterator[Diagnosis]:
    """Yield the diagnoses of the server that the connection belongs to."""
    yield from server_version.findings(connection)
    names = [*_EXPECTED, "max_connections", *_RESERVED]
    rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [names])
    values = dict(rows.fetchall())
    yield from settings(values)
    reserved = sum(int(values.get(name, 0)) for name in _RESERVED)
    yield connections(int(values["max_connections"]) - reserved)
    others = connection.execute(
        "SELECT count(*) FILTER (WHERE state = 'active'), count(*) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    ).fetchone()
    assert others is not None
    yield company(*others)


def settings(values: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Yield a diagnosis for each unexpected setting, or a single good one."""
    unexpected = {
        name: values[name]
        for name, (expected, _, _) in _EXPECTED.items()
        if name in values and values[name] not in expected
    }
    if not unexpected:
        yield Diagnosis("settings", f"all {len(_EXPECTED)} that matter are PostgreSQL's defaults")
    for name, value in unexpected.items():
        _, consequence, cure = _EXPECTED[name]
        level: Level = "bad" if name in _WRONG else "warning"
        yield Diagnosis("settings", f"{name} = {value}", level, consequence, cure)


def connections(limit: int) -> Diagnosis:
    """Judge the number of connections that the server allows, without the reserved ones."""
    if limit >= HIGHEST_CONCURRENCY + 4:
        return Diagnosis("connections", f"{limit} at most")
    return Diagnosis(
        "connections",
        f"{limit} at most",
        "warning",
        f"{HIGHEST_CONCURRENCY} clients do not fit: such cases are refused.",
        "ALTER SYSTEM SET max_connections = 100 and restart, or --concurrency 1,4,16.",
    )


def company(active: int, connected: int) -> Diagnosis:
    """Judge the other clients of the server: the active ones, and all that are connected."""
    if not connected:
        return Diagnosis("company", "no other client")
    observed = f"{connected} other client{'s' if connected > 1 else ''}, {active} active"
    if not active:
        return Diagnosis("company", observed)
    return Diagnosis(
        "company",
        observed,
        "warning",
        "the work of other clients is measured too.",
        "Wait for their end, or use the embedded server: leave --database-url out.",
    )
