"""Cases, what is asked of them, and what can't be."""

from dataclasses import replace
from typing import Any

import pytest

from accessors import discover, usual
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.measure.memory import peak
from bench.measure.meter import server_cpu_ns
from bench.measure.runner import Job
from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.fetch import Fetch
from bench.model.plan import MOST_SETS, Plan, plan, with_enough_sets
from bench.model.profiles import PROFILES, Factors
from bench.model.workload import WORKLOADS, ClientSlot, operations
from bench.server.database import Database
from tests.bench.conftest import SMALL

FOUND = discover()


def planned(*backends: str, **factors: Any) -> Plan:
    return plan(PROFILES["smoke"], {name: FOUND[name] for name in backends}, Factors(**factors))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_profile_has_the_floor_and_no_case_twice(profile: object) -> None:
    cases = plan(profile, usual(FOUND)).cases  # type: ignore[arg-type]
    assert {"null", "null-async"} <= {case.backend for case in cases}
    assert len({case.key for case in cases}) == len(cases)
    assert [Case.from_dict(case.as_dict()) for case in cases] == list(cases)


@pytest.mark.parametrize("name", ["quick", "full"])
def test_a_profile_that_people_read_has_rounds_enough_for_verdicts(name: str) -> None:
    assert PROFILES[name].rounds >= ENOUGH_ROUNDS


def test_a_plan_measures_a_quiet_and_a_busy_case_of_both_modes_twice() -> None:
    """Defect: the noise floor of one busy sync case judged every case."""
    cases = planned("null", "psycopg2", "asyncpg", "orm+asyncpg").cases
    twins = [case for case in cases if case.twin]
    assert {(twin.backend, twin.concurrency) for twin in twins} == {
        ("psycopg2", 1), ("psycopg2", 2), ("asyncpg", 1), ("asyncpg", 2)
    }  # fmt: skip
    for twin in twins:
        original = replace(twin, twin=False)
        assert original in cases
        assert twin.process != original.process
        assert Case.from_dict(twin.as_dict()) == twin
        assert "twin" not in original.as_dict()
    (one,) = (case for case in planned("asyncpg", concurrency=(4,)).cases if case.twin)
    assert one.concurrency == 4
    assert {case.backend for case in planned("null").cases if case.twin} == {"null"}


def test_a_plan_without_a_backend_keeps_a_noise_floor_and_nothing_of_the_backend() -> None:
    """Defect: a case left out was still probed, and its mode lost the twins of its noise floor."""
    made = planned("psycopg2", "psycopg", "asyncpg")
    customers = tuple(Case(name, "get_customers") for name in ("psycopg2", "psycopg"))
    fewer = dict.fromkeys(made.cases, 2)
    only_psycopg2 = {"left out": customers[:1]}
    whole = replace(
        made,
        memory_cases=customers,
        fewer_rounds=fewer,
        probes={"read times": customers, **only_psycopg2},
    )
    left = whole.without(lambda c: "unable" if c.backend == "psycopg2" else None, FOUND)
    every = [*left.everything, *left.fewer_rounds, *left.probes["read times"]]
    assert "psycopg2" not in {case.backend for case in every}
    assert {case.backend for case in left.cases if case.twin} == {"psycopg", "asyncpg"}
    assert "unable" in left.impossible.values()
    assert list(left.probes) == ["read times"]
    assert whole.without(lambda _case: None, FOUND) == whole


def test_twins_are_a_small_part_of_a_profile() -> None:
    for profile in PROFILES.values():
        cases = plan(profile, FOUND).cases
        assert sum(case.twin for case in cases) == 4 < len(cases) / 20


def test_a_twin_is_measured_for_its_time_alone() -> None:
    many = planned("asyncpg", workloads=("get_customers",))
    assert any(case.twin for case in many.cases)
    assert not any(case.twin for case in many.memory_cases)


def test_a_loop_is_for_async_backends() -> None:
    """Sync backends have no loop: asked for uvloop, they just run."""
    assert {case.loop for case in planned("psycopg2", loops=("uvloop",)).cases} == {"none"}
    both = planned("psycopg2", "asyncpg", loops=("uvloop",)).cases
    assert {(case.backend, case.loop) for case in both} == {
        ("psycopg2", "none"),
        ("asyncpg", "uvloop"),
    }


def test_what_is_impossible_is_left_out_and_said() -> None:
    """Forbids a backend that was asked for to vanish without a word."""
    found = planned("psycopg2", "asyncpg", transactions=("implicit",))
    assert {case.backend for case in found.cases} == {"psycopg2"}
    reason = "asyncpg begins no transaction by itself: it is always autocommit"
    assert found.left_out(["psycopg2", "asyncpg"]) == [reason]
    assert planned("psycopg2", "asyncpg").left_out(["psycopg2", "asyncpg"]) == []
    with pytest.raises(UsageError, match="nothing to measure: asyncpg begins no transaction"):
        planned("asyncpg", transactions=("implicit",))


@pytest.mark.parametrize("text", ["buffered", "streamed", "streamed:100", "batched:1000"])
def test_a_fetch_reads_as_it_is_written(text: str) -> None:
    assert str(Fetch.parse(text)) == text


@pytest.mark.parametrize("workload", WORKLOADS)
def test_arguments_are_a_matter_of_the_seed(workload: str) -> None:
    def asked(seat: int, crowd: int = 2) -> object:
        operations.cache_clear()
        return operations(workload, SMALL, ClientSlot(seat, crowd), 0.1)

    assert asked(0) == asked(0)
    if workload != "get_customers":
        assert asked(0) != asked(1)


def test_no_line_is_added_twice() -> None:
    seats = [operations("insert_order_items", SMALL, ClientSlot(seat, 4), 0.1) for seat in range(4)]
    lines = [
        (order, item)
        for seat in seats
        for order, items in (operation.arguments for operation in seat[:500])
        for item, _ in items
    ]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(("backend", "loop"), [("psycopg2", "none"), ("orm+asyncpg", "uvloop")])
def test_peak_memory_counts_the_rows(shop: Database, backend: str, loop: str) -> None:
    for fetch in (Fetch(), Fetch("streamed", 10), Fetch("batched", 10)):
        case = Case(backend, "get_customers", fetch, loop=loop)  # type: ignore[arg-type]
        found = peak(Job(case, FOUND[backend].module, shop.url, SMALL))
        assert found.rows == SMALL.customers
        assert found.peak_bytes >= 0


def test_a_server_that_is_not_seen_has_no_cpu_time() -> None:
    assert server_cpu_ns(None) is None
    assert server_cpu_ns(2**22 + 1) is None


def test_a_plan_of_few_pairs_starts_its_processes_more_often() -> None:
    """Defect: a reference of one case had one A/A pair and two sets, so its gate was blind."""
    quick = PROFILES["quick"]
    chosen = {name: FOUND[name] for name in ("asyncpg", "psycopg2")}
    one = {"asyncpg": FOUND["asyncpg"]}
    narrow = with_enough_sets(plan(quick, one, Factors(concurrency=(16,))))
    assert narrow.profile.generations == quick.rounds // 2
    again = replace(narrow, profile=replace(narrow.profile, rounds=2 * quick.rounds))
    assert with_enough_sets(again).profile.generations == quick.rounds
    many = replace(narrow, profile=replace(narrow.profile, rounds=1000))
    assert with_enough_sets(many).profile.generations == MOST_SETS
    short = replace(narrow, profile=replace(quick, rounds=2))
    assert with_enough_sets(short).profile.generations == quick.generations
    wide = with_enough_sets(plan(quick, chosen))
    assert wide.profile.generations == quick.generations
