"""In a terminal of 80 columns, no figure is cut off."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.text import Text

from bench.output.terminal.comparison import render
from bench.output.terminal.console import SafeConsole
from bench.output.terminal.whole_table import WholeTable
from tests.bench.analysis.compare.made_runs import MANY, POINT, compared, run


def printed(shown: object, width: int) -> str:
    output = io.StringIO()
    SafeConsole(file=output, width=width, markup=False, highlight=False).print(shown)
    return output.getvalue()


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_column_that_may_not_wrap_is_whole(width: int) -> None:
    """Forbid `1.00x (0.98 t…`: a cut figure looks like another one."""
    table = WholeTable(box=None, pad_edge=False)
    table.add_column("the case in words")
    for name in ("throughput\noperations/s", "interval", "CPU/op"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_row("asyncpg, at 1, a session per operation", Text("18,792"), "0.98 to 1.02", "129*")
    text = printed(table, width)
    assert "…" not in text
    for cell in ("18,792", "0.98 to 1.02", "129*", "operations/s"):
        assert cell in text
    if width == 80:
        assert all(len(line) <= width for line in text.splitlines())


def test_a_comparison_wraps_its_cases_and_not_its_figures(tmp_path: Path) -> None:
    """Forbid a comparison without its column `visible`, which the cases pushed out."""
    case = replace(POINT, session_scope="operation", transactions="implicit")
    runs = [run(tmp_path, {case: 1.0, MANY: 1.0}) for _ in range(2)]
    text = printed(render(compared(*runs)), 80)
    table, *_ = text.split("Smallest slowdown")
    assert "…" not in table
    assert "visible" in table
    assert all(len(line) <= 80 for line in table.splitlines())
