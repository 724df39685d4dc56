"""The cases that cannot be right behind a pooler which gives each transaction a connection."""

import pytest

from accessors import load
from bench.model.case import Case
from bench.model.pooling import impossible
from tests.bench.command import POINT
from tests.installed import INSTALLED


@pytest.mark.parametrize(
    ("backend", "autocommit", "implicit"),
    [
        ("psycopg2", "", ""),
        ("asyncpg", "", ""),
        ("orm+asyncpg", "runs it in two transactions", ""),
        ("pg8000", "runs it in two transactions", ""),
        ("core+pg8000", "runs it in two transactions", ""),
        ("psqlpy", "as other processes do", "as other processes do"),
    ],
)
def test_a_statement_that_a_pooler_loses(backend: str, autocommit: str, implicit: str) -> None:
    """Defect: pg8000 read another client's answer behind PgBouncer, and psqlpy's statement was
    there already."""
    if backend not in INSTALLED:
        pytest.skip(f"{backend} is not installed")
    for transactions, words in (("autocommit", autocommit), ("implicit", implicit)):
        case = Case(backend, POINT, transactions=transactions)  # type: ignore[arg-type]
        reason = impossible(load(backend), case, "transaction")
        assert (words in reason) if reason and words else (reason is None and not words)
