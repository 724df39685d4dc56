"""The sentences on a statement: which is best, what was not measured, and its conditions."""

from pathlib import Path

import pytest

from bench.analysis.summary import summarise
from bench.analysis.wording import conditions
from bench.model.case import Case
from bench.model.declared import declare
from bench.model.workload import WORKLOADS
from bench.results.statement import ColumnFacts, StatementFacts
from bench.studies.query import best
from bench.studies.query.notes import notes
from tests.bench import synthetic

MS = 1_000_000


def test_a_large_tie_names_those_that_are_behind(tmp_path: Path) -> None:
    """Forbids a closing sentence with fourteen names."""
    names = ["psycopg2", "psycopg", "asyncpg", "core+psycopg2", "core+asyncpg", "orm+asyncpg"]
    slow = "orm+asyncpg"
    durations = {
        Case(name, synthetic.POINT): [MS * (9 if name == slow else 1)] * 8 for name in names
    }
    sentences = best.sentences(summarise(synthetic.of_durations(tmp_path, durations)))
    assert sentences == [
        "Best by operations/s at 1: 5 that cannot be told apart; `orm+asyncpg` is behind."
    ]


def test_a_type_without_a_codec_is_named() -> None:
    """Forbids "could not resolve query result and/or argument types in 6 attempts" as a reason."""
    facts = StatementFacts(
        sql="SELECT * FROM pg_attribute",
        columns=[ColumnFacts(name="attname", type="name"), ColumnFacts(name="m", type="anyarray")],
    )
    header = synthetic.header(
        [Case("psycopg2", "q")],
        statements={"q": facts},
        impossible={
            "asyncpg/q": "asyncpg: InternalClientError: could not resolve query result and/or"
            " argument types in 6 attempts",
            "psycopg/q": "psycopg: DataError: timestamp too large",
        },
    )
    assert notes(header) == [
        "Not measured: asyncpg: asyncpg has no codec for the type of m (anyarray); cast it to text",
        "Not measured: psycopg: DataError: timestamp too large",
    ]


@pytest.mark.parametrize(
    ("reads", "units", "words"),
    [
        ({"tpcb-like": 1}, ["tpcb-like"], "a unit of work"),
        ({"order": 6, "place": 1}, ["place"], "by weight: order 6, place 1"),
        ({f"operation-{n}": n for n in range(20)}, [], "20 operations by weight"),
        ({"one": 1}, [], "SELECT 1"),
    ],
)
def test_a_workload_is_described_in_words(
    reads: dict[str, int], units: list[str], words: str
) -> None:
    """Forbids that a chart's caption has the first lines of a script of pgbench."""
    facts = StatementFacts(sql="SELECT\n 1", reads=reads, units=units)
    assert facts.description == words


def test_units_of_work_have_transactions_of_their_own() -> None:
    """Forbids that a chart says "buffered, autocommit" of a function that commits by itself."""
    declare("place-order", {"place-order": 1}, "", 0, units=True)
    try:
        words = conditions(Case("psycopg2", "place-order"))
    finally:
        del WORKLOADS["place-order"]
    assert words == "a session a task, transactions of its own, closed loop"
