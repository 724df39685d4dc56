"""No cell of a CSV file is a formula, and every number stays a number."""

import csv
from pathlib import Path
from typing import Any

import pytest

from bench.model.case import Case
from bench.output.export.csv_file import harmless, replacing
from bench.output.export.summary_csv import write_csv
from bench.results.entries import Failure
from bench.results.file import Results
from bench.results.header import BackendFacts
from tests.bench import synthetic

FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "=cmd|'/c calc'!A1", "\uff1d1")


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("before", ["", '"', "error; ", "error;", 'a;"', "a|", "a\t", "a\n"])
def test_a_text_that_a_spreadsheet_would_run_is_quoted(before: str, text: str) -> None:
    """Forbid a formula at the start of a cell, with the separator of any locale."""
    quoted = harmless(before + text)
    for separator in (";", "|", "\t", "\r", "\n"):
        for cell in quoted.split(separator):
            assert not cell.lstrip(' "').startswith(("=", "+", "-", "@", "\uff1d"))
    assert quoted.replace("'", "") == (before + text).replace("'", "")


@pytest.mark.parametrize(
    "cell",
    [
        -1, -1.5, 0, None, False, "", "asyncpg", "orm+asyncpg", "psycopg-async", "null (floor)",
        "UniqueViolation x3; TimeoutError x1", "asyncpg/mixed/buffered/1/task/autocommit", "a=b",
        "batched:1000", "late by -3 s",
    ],
)  # fmt: skip
def test_other_cells_are_unchanged(cell: Any) -> None:
    """Forbid a change of cells that existing readers of the file rely on."""
    assert harmless(cell) is cell or harmless(cell) == cell


def test_negative_numbers_are_numbers(tmp_path: Path) -> None:
    with replacing(tmp_path / "table.csv") as write:
        write([["figure", "-note"]])
        write([[-1.5, "-x"], [None, "a,b"]])
    assert (tmp_path / "table.csv").read_bytes() == b"figure,'-note\r\n-1.5,'-x\r\n,\"a,b\"\r\n"


def test_every_text_of_summary_csv_is_harmless(tmp_path: Path) -> None:
    """Forbid a formula as the name, layer or driver of a backend, or as an error."""
    case = Case("=HYPERLINK(1)", "@workload")
    facts = BackendFacts(colour="=1", layer="+1", driver="-1")
    header = synthetic.header([case], backends={case.backend: facts})
    results = Results(tmp_path, header)
    results.failures.append(Failure(case, 0, "=1: died"))
    write_csv(results, tmp_path / "summary.csv")
    with (tmp_path / "summary.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["backend"] == "'=HYPERLINK(1)"
    assert row["key"].startswith("'=HYPERLINK(1)/")
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
