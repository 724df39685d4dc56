"""The order of turns: generations, groups that fit the server, neighbours that are compared."""

from dataclasses import replace
from itertools import chain

from bench.execution.schedule import (
    OpenClients,
    clients_of,
    generations,
    groups,
    next_beside,
    shuffled,
)
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.model.pool import Pool

POINT = "get_total_cost_of_an_order"
BACKENDS = ("psycopg2", "asyncpg", "orm+asyncpg")


def cases(*concurrency: int) -> list[Case]:
    return [Case(name, POINT, concurrency=count) for count in concurrency for name in BACKENDS]


def test_every_round_is_in_one_generation() -> None:
    assert generations(7, 3) == [range(2), range(2, 4), range(4, 7)]
    assert generations(1, 3) == [range(1)]
    assert [number for part in generations(100, 3) for number in part] == list(range(100))


def test_cases_that_fit_the_server_alternate() -> None:
    assert groups(cases(1, 16), lambda case: case.concurrency, 60) == [cases(16) + cases(1)]


def test_cases_that_are_compared_stay_together() -> None:
    """Defect: clients of more connections than the server has would refuse each other."""
    made = groups(cases(1, 4, 16), lambda case: case.concurrency, 50)
    assert made == [cases(16), cases(4) + cases(1)]
    assert groups(cases(64), lambda case: case.concurrency, 100) == [cases(64)]


def test_cases_share_their_clients() -> None:
    """Defect: a pool for each workload and fetch would be opened, instead of one."""
    first = Case("asyncpg", POINT)
    others = [Case("asyncpg", "get_customers", Fetch("streamed")), replace(first, rows="dict")]
    assert {clients_of(first)} == {clients_of(case) for case in others}
    apart = [
        replace(first, concurrency=2),
        replace(first, session_scope="operation"),
        replace(first, transactions="implicit"),
        replace(first, loop="uvloop"),
        replace(first, twin=True),
        replace(first, allocator="fresh"),
    ]
    assert len({clients_of(case) for case in [first, *apart]}) == 7


def test_what_is_compared_is_measured_side_by_side() -> None:
    """Defect: two backends were compared fifteen seconds apart."""
    everything = cases(1, 4, 16)
    for round_number in range(20):
        asked = shuffled(everything, 1, round_number)
        assert sorted(chain(*asked), key=str) == sorted(everything, key=str)
        assert asked == shuffled(everything, 1, round_number)
        for members in asked:
            assert len(members) == len(BACKENDS)
            assert len({case.concurrency for case in members}) == 1
    orders = {tuple(chain(*shuffled(everything, 1, number))) for number in range(20)}
    assert len(orders) > 10


def test_the_least_recently_used_clients_are_closed() -> None:
    """Defect: a server would run out of connections in the middle of a run."""
    a, b, c = (clients_of(Case(name, POINT, concurrency=16)) for name in BACKENDS)
    opened = OpenClients(capacity=40)
    assert opened.use(a, 16) == []
    assert opened.use(b, 16) == []
    assert opened.use(a, 16) == []
    assert opened.use(c, 16) == [b]
    opened.forget("psycopg2")
    assert opened.use(b, 16) == []
    assert opened.others(b) == [c]
    huge = clients_of(Case("psycopg", POINT, concurrency=100))
    assert opened.use(huge, 100) == [b]


def test_two_at_work_share_no_process_and_never_both_write() -> None:
    """Defect: round trips were counted one case at a time, 13 s of a quick run."""
    writing = [Case(name, "mixed") for name in BACKENDS]
    left = [*cases(1), *writing]
    first = next_beside(left, [])
    assert first == writing[0]  # while there are others to be beside it
    beside = next_beside(left, [first])
    assert beside == cases(1)[1]
    assert next_beside(left, [beside]) == writing[0]
    assert next_beside(writing, [first]) is None
    assert next_beside([], []) is None


def test_two_behind_pgbouncer_are_never_at_work_together() -> None:
    """Forbids waits in PgBouncer for the clients of another backend."""
    pooled = [Case(name, POINT, pool=Pool(pooler_size=1)) for name in BACKENDS[:2]]
    assert next_beside(pooled, pooled[:1]) is None
    assert next_beside([*pooled, *cases(1)], pooled[:1]) == cases(1)[1]
