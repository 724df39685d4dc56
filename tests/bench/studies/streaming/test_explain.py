"""The lines that `--explain` shows are those that make the difference."""

import pytest

import accessors
from bench.model.fetch import Fetch
from bench.studies.streaming.explain import _accessor, lines_of
from bench.studies.streaming.plan import EVERY_WAY
from tests.installed import INSTALLED

BACKENDS = [name for name in INSTALLED if not name.startswith("null")]


def code(name: str, fetch: Fetch) -> str:
    module = accessors.BUILTIN[name]
    return "\n".join(lines_of(_accessor(module), fetch, accessors.load(name, module).layer))


@pytest.mark.parametrize("name", BACKENDS)
def test_every_way_has_lines_without_prose(name: str) -> None:
    for fetch in EVERY_WAY:
        if fetch.offered_by(accessors.load(name, accessors.BUILTIN[name])):
            shown = code(name, fetch)
            assert shown.strip(), fetch
            assert '"""' not in shown, fetch


@pytest.mark.parametrize(
    ("name", "fetch", "word"),
    [
        ("orm+asyncpg", Fetch("batched", 1000), "'yield_per': 1000"),
        ("orm+asyncpg", Fetch("batched", 1000), "result.partitions()"),
        ("core+psycopg2", Fetch("streamed", 10), "'yield_per': 10"),
        ("psycopg2", Fetch("streamed"), 'cursor(name="stream")'),
        ("psycopg", Fetch("single-row"), "cursor.stream("),
        ("asyncpg", Fetch("streamed", 10), "prefetch=batch_size"),
        ("asyncpg", Fetch("streamed", 10), "batch_size = 10"),
        ("psycopg2", Fetch("buffered"), "cursor.fetchall()"),
    ],
)
def test_the_word_that_makes_the_difference_is_there(name: str, fetch: Fetch, word: str) -> None:
    assert word in code(name, fetch)


def test_without_a_batch_size_the_orm_has_no_yield_per() -> None:
    assert "yield_per" not in code("orm+asyncpg", Fetch("streamed"))
