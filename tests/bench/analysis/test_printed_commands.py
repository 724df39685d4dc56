"""The commands that are printed to be typed next: each is accepted, and means what was measured."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from bench.analysis import rerun
from bench.analysis.figure import THROUGHPUT
from bench.cli.gate_command import gate_command
from bench.cli.gate_words import Hints
from bench.cli.main import COMMANDS, cli
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.model.link import Link
from bench.results.header import DatasetFacts, Header
from bench.results.statement import StatementFacts
from bench.system.processors import Halves

URL = "postgresql://u:***@h:1/shop?application_name=a%20b"
PLACE = f"--database-url '{URL}' --admin-url=postgresql://h/own --backend-module m --timeout 9"
WHERE = {
    "database_url": URL,
    "admin_url": "postgresql://h/own",
    "backend_modules": ("m",),
    "timeout": 9.0,
}
"""The parameters of `PLACE`."""


def parsed(command: str) -> tuple[str, dict[str, Any]]:
    """Return the verb of the command, and its parameters as click reads them."""
    program, verb, *words = shlex.split(command)
    assert program == "bench"
    assert verb in COMMANDS
    with click.Context(cli) as context:
        found = cli.get_command(context, verb)
        assert found is not None
        return verb, found.make_context(verb, words).params


def of_case(header: Header, case: Case) -> tuple[str, dict[str, Any]]:
    return parsed(rerun.command(header, case))


def header_of(command: str, **facts: Any) -> Header:
    dataset = DatasetFacts(scale=0.1, seed=4)
    return Header(command=command, rounds=3, seconds=0.5, dataset=dataset, **facts)


def test_a_case_is_measured_again_on_the_same_server_and_under_the_same_conditions() -> None:
    """Defect: the command of a case left out --database-url, so it measured the embedded server."""
    header = header_of(
        f"bench run --out x --label l --quiet {PLACE} --scheduler local:2 --warm-up 2 --no-verify",
        profile="quick",
        warm_up_s=2.0,
        pinned=Halves((0,), (1,)),
        session_guard=True,
        verified=None,
    )
    case = Case(
        *("orm+asyncpg", "get_customers", Fetch("batched", 7), 4, "operation", "implicit", "dict"),
        allocator="fresh",
        link=Link(2_500_000, 100_000, 12_500_000),
        connect="asyncpg.statement_cache_size=0,engine.pool_pre_ping=true",
        processes=2,
    )
    verb, given = of_case(header, case)
    assert verb == "run"
    expected = {
        **WHERE,
        "profile_name": "quick",
        "scheduler": "local:2",
        "warm_up_s": 2.0,
        "pin": True,
        "guard": True,
        "verify": False,
        "rounds": 3,
        "seconds": 0.5,
        "scale": 0.1,
        "seed": 4,
        "allocators": ("fresh",),
        "connect": ("asyncpg.statement_cache_size=0", "engine.pool_pre_ping=true"),
        "processes": (2,),
    }
    assert {name: given[name] for name in expected} == expected
    assert (given["out"], given["label"]) == (None, None)


@pytest.mark.parametrize(
    ("case", "name", "value"),
    [
        (Case("asyncpg", "mixed", rate=500, arrivals="uniform"), "rate", "500"),
        (Case("asyncpg", "mixed", transport="tcp"), "transports", ("tcp",)),
        (Case("asyncpg", "mixed", loop="uvloop"), "loops", ("uvloop",)),
    ],
)
def test_a_factor_is_measured_again(case: Case, name: str, value: object) -> None:
    _, given = of_case(header_of("bench run", profile="quick"), case)
    assert given[name] == value
    assert (given["pin"], given["guard"]) == (None, False)
    assert given["verify"] is None


STUDIES = {
    "pool": "bench pool --quick --concurrency 8,32 --size 1,2 --pool-timeout 0.01 --latency 0,1ms"
    f" --connect engine.pool_pre_ping=true --no-pgbouncer --rounds 3 --pin {PLACE}",
    "saturate": "bench saturate --objective 5ms --concurrency 16 --workload mixed --processes 2"
    f" --arrivals uniform --scheduler local:2 --seconds 2 {PLACE}",
    "streaming": f"bench streaming --quick --rows 3000 --connect engine.echo=false {PLACE}",
}


@pytest.mark.parametrize("profile", STUDIES)
def test_the_case_of_a_study_is_measured_again_as_it_was(profile: str) -> None:
    """Defect: only the study and the backend were printed: no size, no objective, no server."""
    typed = STUDIES[profile]
    header = header_of(f"{typed} --out x --label=l --backend a --backend=b", profile=profile)
    verb, given = of_case(header, Case("b", "get_customers"))
    assert (verb, given) == (parsed(f"{typed} --backend b"))


def test_a_statement_is_measured_again_with_all_its_options() -> None:
    """Defect: the statement was measured elsewhere, with another timeout and other clients."""
    options = (
        "--transactions implicit --connect engine.echo=false --latency 1ms --processes 2"
        " --concurrency 4 --fetch batched:10 --allow-writes --statement-timeout 7 --zipf 1.5"
        f" --most-megabytes 9 --warm-up 1 --scheduler local:2 --scale 0.1 --seed 4 --name n {PLACE}"
    )
    sql = "-- a comment\nSELECT $1"
    typed = f"bench query --backend a --backend b --file x.sql --arguments 'SELECT 1' {options}"
    facts = StatementFacts(sql=sql, parameters=["int4"], arguments="query", read_only=False)
    case = Case(
        *("b", "n", Fetch("batched", 10), 4, "task", "implicit"),
        connect="engine.echo=false",
        link=Link(1_000_000),
        processes=2,
    )
    header = header_of(typed, profile="query", statements={"n": facts}, warm_up_s=1.0)
    verb, given = of_case(header, case)
    again = f"bench query --backend b --arguments 'SELECT 1' {options} --rounds 3 --seconds 0.5"
    expected = parsed(f"{again} -- {shlex.quote(sql)}")
    assert (verb, given) == expected


def test_hidden_arguments_stay_hidden() -> None:
    facts = StatementFacts(sql="SELECT $1", parameters=["int4"], arguments="literals")
    header = header_of(
        "bench query 'SELECT $1' --arguments '***'", profile="query", statements={"n": facts}
    )
    assert of_case(header, Case("b", "n"))[1]["arguments"] == ("...",)


def test_a_workload_of_a_file_is_measured_again_where_it_was() -> None:
    facts = StatementFacts(sql="", reads={"r": 1}, files=["shop.py"])
    header = header_of(
        f"bench run --workload-file shop.py --budget 9s {PLACE}",
        profile="query",
        statements={"w": facts},
        warm_up_s=0.3,
    )
    verb, given = of_case(header, Case("b", "w"))
    assert verb == "run"
    assert {name: given[name] for name in WHERE} == WHERE
    assert (given["workload_files"], given["warm_up_s"]) == (("shop.py",), 0.3)
    assert (given["budget_s"], given["rounds"]) == (None, 3)


def test_more_rounds_are_asked_of_the_command_that_was_typed() -> None:
    """Defect: a warning's command measured another profile's cases, on the embedded server."""
    typed = f"bench run --backend a --concurrency 2 --pin {PLACE}"
    header = header_of(f"{typed} --rounds 4 --label l --budget=60s", profile="quick")
    assert parsed(rerun.whole(header, {"rounds": 12})) == parsed(f"{typed} --rounds 12")
    header = replace(header, command=f"bench gate reference {PLACE}")
    expected = parsed(f"bench run --profile quick --warm-up 2 {PLACE}")
    assert parsed(rerun.whole(header, {"warm-up": 2})) == expected


def test_the_limit_of_a_rate_is_searched_where_the_rate_was_not_held() -> None:
    """Defect: the search was another workload's, of one client, on the embedded server."""
    header = header_of(f"bench run --rate 500 {PLACE}", profile="quick")
    case = Case("a", "mixed", concurrency=4, rate=500, session_scope="operation", processes=2)
    verb, given = parsed(rerun.search(header, case))
    expected = {"backends": ("a",), "workload": "mixed", "concurrency": 4, "processes": 2, **WHERE}
    assert verb == "saturate"
    assert {name: given[name] for name in expected} == expected


def test_the_gate_measures_again_where_the_run_was_measured(tmp_path: Path) -> None:
    header = header_of(f"bench run --workload-file=w.py {PLACE}")
    alike = [tmp_path / "d", tmp_path / "e f"]
    command = gate_command(tmp_path / "a b", tmp_path / "-c", header, THROUGHPUT, 0.1, alike)
    verb, given = parsed(command)
    assert verb == "gate"
    assert {name: given[name] for name in WHERE} == WHERE
    assert given["workload_files"] == ("w.py",)
    assert given["same_code"] == tuple(map(str, alike))
    assert (given["reference"], given["margin"]) == (str(tmp_path / "a b"), 0.1)


@pytest.mark.parametrize("command", [None, "", "bench run 'unclosed", "bench"])
def test_a_run_whose_command_is_unknown_has_commands_all_the_same(command: str | None) -> None:
    header = Header(command=command, profile="pool")
    assert parsed(rerun.command(header, Case("a", "mixed"))) == parsed("bench pool --backend a")
    assert parsed(rerun.whole(replace(header, profile=None), {"rounds": 6}))[1]["rounds"] == 6


GATE = "bench gate before --fail-on 10%"
OTHER = "--database-url=postgresql://u:***@other/shop --backend-module n"


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        (GATE, WHERE),
        (
            f"{GATE} {OTHER}",
            WHERE | {"database_url": "postgresql://u:***@other/shop", "backend_modules": ("n",)},
        ),
    ],
)
def test_the_commands_that_a_gate_prints_measure_where_its_user_did(
    typed: str, place: dict[str, Any]
) -> None:
    """Defect: `bench run --rounds 12` and `bench doctor` looked at the embedded server, where the
    reference and the gate had named another one."""
    header = header_of(
        f"bench run --backend psycopg2 --rounds 3 --label before {PLACE}", profile="quick"
    )
    hints = Hints(header, typed)
    for command, rounds, seconds in (
        (hints.measure(), 3, None),
        (hints.see_more, 20, 0.5),
        (hints.measure(rounds=12, label="reference"), 12, None),
    ):
        verb, found = parsed(command)
        assert (verb, found["rounds"], found["seconds"]) == ("run", rounds, seconds)
        assert found["backends"] == ("psycopg2",)
        assert {name: found[name] for name in place} == place
        assert found["label"] == ("reference" if rounds == 12 else None)
    verb, found = parsed(hints.doctor)
    server = ("database_url", "admin_url")
    assert verb == "doctor"
    assert {name: found[name] for name in server} == {name: place[name] for name in server}
    verb, found = parsed(hints.with_same_code)
    assert (verb, found["same_code"]) == ("gate", ("RUN", "RUN"))
    assert hints.with_same_code.startswith(typed)


def test_a_reference_of_many_rounds_is_measured_with_more() -> None:
    """Forbids the advice to measure 20 rounds where there were 30."""
    hints = Hints(Header(rounds=30, seconds=1.0), GATE)
    assert hints.see_more == "bench run --profile quick --rounds 60 --seconds 1.0"


def test_the_run_of_a_gate_is_measured_again_by_the_gate() -> None:
    """Defect: `bench run --profile smoke` measured all cases of the profile, where the gate had
    measured one."""
    header = header_of(f"bench gate before --first latest --rounds 3 {PLACE}", profile="smoke")
    verb, found = parsed(rerun.whole(header, {"rounds": 24}))
    assert (verb, found["reference"], found["rounds"], found["first"]) == (
        "gate",
        "before",
        24,
        None,
    )
    assert {name: found[name] for name in WHERE} == WHERE
    other = rerun.whole(header, {"concurrency": 4})
    assert other.startswith("bench run --profile smoke --concurrency 4 ")
