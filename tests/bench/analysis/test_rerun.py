"""The command of a case measures that case again, and no other case except its twin."""

import json
import shlex

import pytest

from accessors import discover
from bench.analysis import rerun
from bench.cli.link_options import links
from bench.cli.run import run
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.model.link import Link
from bench.model.plan import plan
from bench.model.profiles import PROFILES, Factors
from bench.results import file as results
from bench.results.header import DatasetFacts, Header
from tests.root import REFERENCE

with (REFERENCE / results.RUN_FILE).open() as file:
    CASES = [Case.from_dict(case) for case in json.loads(file.readline())["plan"]]
CASES = [case for case in CASES if not case.twin]


def planned(command: str) -> tuple[tuple[Case, ...], dict[str, object]]:
    """Return the cases that `bench run` would measure for the command, and the other options."""
    program, verb, *words = shlex.split(command)
    assert (program, verb) == ("bench", "run")
    given = run.make_context("run", words).params
    factors = Factors(
        workloads=given["workloads"],
        fetches=tuple(Fetch.parse(fetch) for fetch in given["fetches"]),
        concurrency=given["concurrency"],
        session_scopes=given["session_scopes"],
        transactions=given["transactions"],
        rows=given["rows"],
        loops=given["loops"],
        links=links(given["latency"], given["jitter"], given["bandwidth"]),
        processes=given["processes"],
    )
    known = discover()
    chosen = {name: known[name] for name in given["backends"]}
    made = plan(PROFILES[given["profile_name"]], chosen, factors)
    return tuple(case for case in made.cases if not case.twin), given


@pytest.mark.parametrize("case", CASES[:: len(CASES) // 12], ids=lambda case: case.key)
def test_a_case_of_the_reference_run_alone(case: Case) -> None:
    header = results.load(REFERENCE).header
    cases, given = planned(rerun.command(header, case))
    assert cases == (case,)
    assert (given["rounds"], given["seconds"]) == (header.rounds, header.seconds)
    assert (given["scale"], given["seed"]) == (header.dataset.scale, header.dataset.seed)


@pytest.mark.parametrize(
    "case",
    [
        Case("null", "mixed", concurrency=3, loop="none"),
        Case("asyncpg", "mixed", concurrency=64, loop="uvloop"),
        Case("asyncpg", "get_customers", concurrency=16, processes=4),
        Case("asyncpg", "mixed", link=Link(2_500_000, 100_000, 12_500_000)),
        Case(
            "orm+asyncpg", "get_customers", Fetch("batched", 7), 2, "operation", "implicit", "dict"
        ),
    ],
    ids=lambda case: case.key,
)
def test_any_case_alone(case: Case) -> None:
    dataset = DatasetFacts(scale=0.1, seed=4)
    header = Header(profile="full", rounds=2, seconds=0.5, dataset=dataset)
    cases, _ = planned(rerun.command(header, case))
    assert cases == (case,)


def test_what_the_header_does_not_say_is_left_to_the_default() -> None:
    command = rerun.command(Header(), Case("null", "mixed", loop="none"))
    assert "None" not in command
    assert planned(command)[0]
