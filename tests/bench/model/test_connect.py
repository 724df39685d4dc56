"""`--connect`: settings by name and type, the backends that take them, and the factor they make."""

import pytest

from accessors import DiscoveredBackend, load
from accessors.api import AnyBackend
from bench.model.case import Case
from bench.model.connect import Setting, arguments, not_taken, parse_all, variants
from bench.model.errors import UsageError
from bench.model.plan import plan
from bench.model.profiles import PROFILES, Factors
from bench.results.schema import CaseFields

BOTH = parse_all(["asyncpg.statement_cache_size=0", "asyncpg.statement_cache_size=default"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "a setting is group.name=value"),
        ("asyncpg.=1", "a setting is group.name=value"),
        ("asyncp.timeout=1", "did you mean 'asyncpg'?"),
        ("asyncpg.statement_cach_size=0", "did you mean 'statement_cache_size'?"),
        ("asyncpg.statement_cache_size=lots", "it takes a whole number."),
        ("asyncpg.statement_cache_size=1.5", "it takes a whole number."),
        ("asyncpg.command_timeout=nan", "it takes a number or none."),
        ("psycopg.prepare_threshold=-1", "it takes a whole number or none."),
        ("psycopg.autocommit=true", "Use --transactions instead."),
        ("psycopg.password=secret", "Use --database-url instead."),
        ("engine.poolclass=StaticPool", "it takes NullPool, QueuePool."),
        ("engine.pool_pre_ping=yes", "it takes true or false."),
        ("engine.pool_size=3", "Use --concurrency instead."),
        ("psycopg.application_name=a,b", "it takes a text."),
    ],
)
def test_a_wrong_setting_is_refused_in_two_lines(text: str, words: str) -> None:
    """Forbids a library's TypeError in the middle of a run, for a name that it does not take."""
    with pytest.raises(UsageError) as caught:
        Setting.parse(text)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2
    assert "secret" not in str(caught.value)


def test_a_setting_goes_to_the_library_that_takes_it() -> None:
    text = "asyncpg.statement_cache_size=0,engine.pool_pre_ping=true,engine.poolclass=NullPool"
    assert arguments(text) == (
        {"statement_cache_size": 0},
        {"pool_pre_ping": True, "poolclass": "NullPool"},
    )
    assert arguments("psycopg.prepare_threshold=none") == ({"prepare_threshold": None}, {})
    assert arguments("") == ({}, {})


def test_each_value_of_an_option_is_a_way_of_the_backends_that_take_it() -> None:
    assert variants(BOTH, load("asyncpg")) == ["asyncpg.statement_cache_size=0", ""]
    assert variants(BOTH, load("orm+asyncpg")) == ["asyncpg.statement_cache_size=0", ""]
    assert variants(BOTH, load("psycopg2")) == [""]
    two = parse_all(["engine.poolclass=NullPool", *map(str, BOTH)])
    assert variants(two, load("core+asyncpg")) == [
        "asyncpg.statement_cache_size=0,engine.poolclass=NullPool",
        "engine.poolclass=NullPool",
    ]


def test_an_option_of_one_driver_is_for_sqlalchemy_over_that_driver_alone() -> None:
    (mode,) = parse_all(["engine.executemany_mode=values_only"])
    assert mode.taken_by(load("core+psycopg2"))
    assert not mode.taken_by(load("core+asyncpg"))


def test_a_backend_that_keeps_its_defaults_is_named_once() -> None:
    backends = [load(name) for name in ("asyncpg", "psycopg2", "null")]
    assert not_taken(BOTH, backends) == [
        "asyncpg.statement_cache_size does not apply to psycopg2: it keeps its defaults"
    ]


def test_an_option_that_no_backend_takes_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no chosen backend takes asyncpg\.statement_cache_size"):
        not_taken(BOTH, [load("psycopg2"), load("null")])


def test_a_backend_of_another_project_that_knows_no_options_is_named() -> None:
    """Forbids a TypeError in `open`, and figures under an option that is not set."""

    class Theirs(type(load("asyncpg"))):  # type: ignore[misc]
        name = "theirs"
        connect_options = ()

    theirs: AnyBackend = Theirs()
    (sentence,) = not_taken(BOTH, [load("asyncpg"), theirs])
    assert sentence.startswith("theirs passes no --connect option of asyncpg on")
    assert variants(BOTH, theirs) == [""]


def test_a_factor_of_the_plan() -> None:
    backends = {name: DiscoveredBackend(name, "", load(name)) for name in ("asyncpg", "psycopg2")}
    cases = plan(PROFILES["smoke"], backends, Factors(connect=BOTH)).cases
    ways = {(case.backend, case.connect) for case in cases}
    assert ways == {
        ("asyncpg", "asyncpg.statement_cache_size=0"),
        ("asyncpg", ""),
        ("psycopg2", ""),
    }


def test_the_case_in_files() -> None:
    """Forbids a new key for the cases of files that have no such factor."""
    plain = Case("asyncpg", "get_customers")
    assert "connect" not in plain.as_dict()
    assert plain.key == "asyncpg/get_customers/buffered/1/task/autocommit/native/asyncio"
    case = Case("asyncpg", "get_customers", connect="asyncpg.statement_cache_size=0")
    assert case.key == f"{plain.key}/asyncpg.statement_cache_size=0"
    assert case.title.endswith("with asyncpg.statement_cache_size=0")
    assert Case.from_dict(case.as_dict()) == case
    assert CaseFields(**case.as_dict()).case() == case
