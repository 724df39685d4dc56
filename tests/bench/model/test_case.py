"""A case declares each factor once: keys, titles, files, tables and commands follow the fields."""

from dataclasses import fields, replace

import msgspec
import pytest

from bench.model.case import FACTORS, Case
from bench.model.fetch import Fetch
from bench.model.link import Link
from bench.model.pool import Pool
from bench.results.schema import CaseFields

PLAIN = Case("asyncpg", "mixed")
OTHER = Case(
    "psycopg2", "get_customers", Fetch("streamed", 7), 4, "operation", "implicit", "dict", "none",
    size=5_000, twin=True, frozen=True, allocator="fresh", link=Link(1_000_000), connect="a.b=1",
    transport="tcp", pool=Pool(2, 1.5), rate=500, arrivals="uniform", processes=2,
)  # fmt: skip
"""A case with another value of each factor."""


def test_keys_titles_and_columns_are_written_as_ever() -> None:
    """Forbids another key: results of earlier versions are found by it."""
    assert PLAIN.key == "asyncpg/mixed/buffered/1/task/autocommit/native/asyncio"
    assert PLAIN.title == "asyncpg, mixed, at 1"
    assert OTHER.key == (
        "psycopg2/get_customers/streamed:7/4/operation/implicit/dict/none/5000 rows/twin/frozen/"
        "fresh allocator/link 1ms/a.b=1/tcp/pool of 2, pool timeout 1.5 s/rate 500 uniform/"
        "2 processes"
    )
    assert OTHER.title == (
        "psycopg2, get_customers, 5,000 rows, streamed:7, at 4, in 2 processes, "
        "a session per operation, implicit transactions, as dicts, its twin, gc.freeze() before, "
        "fresh allocator, 1ms to the server, with a.b=1, by TCP, pool of 2, pool timeout 1.5 s, "
        "500 arrivals/s at equal times"
    )


def test_arrivals_are_written_only_with_a_rate() -> None:
    closed = replace(PLAIN, arrivals="uniform")
    assert (closed.key, closed.title) == (PLAIN.key, PLAIN.title)
    assert closed.columns()["arrivals"] is None
    assert replace(PLAIN, rate=5).columns()["arrivals"] == "poisson"


@pytest.mark.parametrize("name", [field.name for field in fields(Case)])
def test_a_factor_is_in_every_form(name: str) -> None:
    """Forbids a factor that a file, a key or a table leaves out: two cases would be one."""
    case = replace(PLAIN, rate=500) if name == "arrivals" else PLAIN
    changed = replace(case, **{name: getattr(OTHER, name)})
    assert changed.key != case.key
    assert changed.as_dict() != case.as_dict()
    assert changed.columns() != case.columns()
    assert Case.from_dict(changed.as_dict()) == changed


def test_the_schema_of_files_has_every_factor_and_its_default() -> None:
    """Forbids a factor that a reader of results does not know."""
    assert [factor.name for factor in FACTORS] == [field.name for field in fields(Case)]
    assert set(CaseFields.__struct_fields__) == {factor.name for factor in FACTORS}
    least = {factor.name: factor.write(getattr(PLAIN, factor.name)) for factor in FACTORS[:8]}
    assert msgspec.convert(least, CaseFields).case() == PLAIN
    assert msgspec.convert(OTHER.as_dict(), CaseFields).case() == OTHER
