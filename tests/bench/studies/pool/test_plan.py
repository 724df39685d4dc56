"""The cases of `bench pool`, and the identity of a case with a pool."""

import pytest

from accessors import discover
from bench.model.case import Case
from bench.model.connect import Setting
from bench.model.errors import UsageError
from bench.model.pool import Pool
from bench.results.schema import CaseFields
from bench.server.pgbouncer import Program
from bench.studies.pool.plan import (
    OVERFLOW,
    POOL,
    UNPOOLED,
    Asked,
    pgbouncer_sizes,
    plan,
    sizes,
)
from bench.studies.pool.surface import kind_of


def test_sizes_are_the_powers_of_two_up_to_the_clients() -> None:
    assert sizes(Asked(), 16) == [1, 2, 4, 8, 16]
    assert sizes(Asked(), 6) == [1, 2, 4, 6]
    assert sizes(Asked(sizes=(3, 100)), 6) == [3, 6]


def test_a_case_is_known_by_its_pool() -> None:
    """Defect: cases of two pools had one key, and were read as one case."""
    case = Case("asyncpg", "mixed", concurrency=8, pool=Pool(4, 0.5))
    assert (
        case.key == f"{Case('asyncpg', 'mixed', concurrency=8).key}/pool of 4, pool timeout 0.5 s"
    )
    assert Case.from_dict(case.as_dict()) == case
    assert "pool" not in Case("asyncpg", "mixed").as_dict()
    assert "pool" in CaseFields.__struct_fields__


@pytest.mark.parametrize(
    ("pool", "connect", "kept", "most"),
    [
        (Pool(), "", 8, 8),
        (Pool(2), "", 2, 2),
        (Pool(9), "", 9, 9),
        (Pool(5), OVERFLOW, 5, 8),
        (Pool(5), "engine.max_overflow=1", 5, 6),
        (Pool(), UNPOOLED, 0, 8),
    ],
)
def test_the_connections_of_a_pool(pool: Pool, connect: str, kept: int, most: int) -> None:
    """Defect: a run asked the server for a connection a client, whatever the pool allows."""
    case = Case("orm+asyncpg", "mixed", concurrency=8, pool=pool, connect=connect)
    assert (case.kept_connections, case.connections) == (kept, most)


def test_a_pool_that_does_not_let_clients_wait_is_timed_only_if_it_serves_all() -> None:
    """Defect: psycopg2's refusals were failed operations in every round."""
    backends = {"psycopg2": discover()["psycopg2"]}
    planned = plan(POOL, backends, Asked(concurrency=(4,)))
    assert {case.pool.size for case in planned.cases} == {4}
    assert {case.pool.size for case in planned.probes["pool waits"]} == {1, 2, 4}
    assert planned.probes["pool deadlock"] == ()


def test_a_deadlock_is_tried_around_the_number_of_clients() -> None:
    backends = {"orm+asyncpg": discover()["orm+asyncpg"]}
    planned = plan(POOL, backends, Asked(concurrency=(4, 16)))
    tried = [(case.pool.size, case.connect) for case in planned.probes["pool deadlock"]]
    assert tried == [(1, ""), (16, ""), (17, ""), (5, OVERFLOW)]


def test_a_library_without_a_pool_is_refused() -> None:
    with pytest.raises(UsageError, match="null has no pool of its own"):
        plan(POOL, {"null": discover()["null"]}, Asked())


def test_settings_are_beside_the_options_of_the_study() -> None:
    """Defect: NullPool and pre-ping took the place of what the user had set."""
    backends = {"orm+asyncpg": discover()["orm+asyncpg"]}
    setting = Setting.parse("asyncpg.statement_cache_size=0")
    planned = plan(POOL, backends, Asked(concurrency=(2,), connect=(setting,)))
    assert all("asyncpg.statement_cache_size=0" in case.connect for case in planned.cases)
    assert {kind_of(case) for case in planned.cases} == {
        "1", "2", "5 + 10", "2, pre-ping", "NullPool"
    }  # fmt: skip


def test_sizes_of_pgbouncer() -> None:
    assert pgbouncer_sizes(Asked(), 1) == [1]
    assert pgbouncer_sizes(Asked(), 16) == [1, 4, 16]
    assert pgbouncer_sizes(Asked(), 6) == [1, 4, 6]
    assert pgbouncer_sizes(Asked(sizes=(2, 99)), 6) == [2, 6]


@pytest.mark.parametrize(
    ("version", "connects", "left_out"),
    [
        ("1.18.0", {"asyncpg": "asyncpg.statement_cache_size=0", "psycopg2": ""}, True),
        ("1.24.1", {"asyncpg": "", "psycopg2": "", "orm+asyncpg": ""}, False),
    ],
)
def test_rows_behind_pgbouncer(version: str, connects: dict[str, str], left_out: bool) -> None:
    """Forbids a case that loses its prepared statements, and one without its reason."""
    backends = {name: discover()[name] for name in ("asyncpg", "psycopg2", "orm+asyncpg")}
    asked = Asked(concurrency=(4,), pgbouncer=Program("pgbouncer", version))
    planned = plan(POOL, backends, asked)
    behind = [case for case in planned.cases if case.pool.pooler_size and not case.twin]
    assert {case.backend: case.connect for case in behind} == connects
    assert {case.pool.pooler_size for case in behind} == {1, 4}
    assert all(case.connections == case.kept_connections == 0 for case in behind)
    assert {case.pool.pooler_size for case in planned.probes["pool waits"]} == {None, 1, 4}
    reasons = [why for key, why in planned.impossible.items() if key.endswith("/PgBouncer")]
    assert bool(reasons) is left_out
    assert all("orm+asyncpg behind PgBouncer 1.18.0: " in why for why in reasons)
    assert Case.from_dict(behind[0].as_dict()) == behind[0]


def test_a_setting_that_pgbouncer_needs_otherwise() -> None:
    backends = {"asyncpg": discover()["asyncpg"]}
    asked = Asked(
        concurrency=(2,),
        pgbouncer=Program("pgbouncer", "1.18.0"),
        connect=(Setting.parse("asyncpg.statement_cache_size=9"),),
    )
    (reason,) = plan(POOL, backends, asked).impossible.values()
    assert "and --connect sets it" in reason


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["engine.max_overflow=3"], "varies engine.max_overflow itself"),
        (["asyncpg.timeout=3", "asyncpg.timeout=4"], "takes one value of asyncpg.timeout"),
    ],
)
def test_other_settings_are_refused(texts: list[str], words: str) -> None:
    backends = {"orm+asyncpg": discover()["orm+asyncpg"]}
    connect = tuple(Setting.parse(text) for text in texts)
    with pytest.raises(UsageError, match=words) as error:
        plan(POOL, backends, Asked(connect=connect))
    assert len(str(error.value).splitlines()) == 2
