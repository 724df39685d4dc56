"""Exact quantiles of more values than fit into memory."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis import many_values, stats, summary
from bench.analysis.many_values import quantiles_of_blocks
from bench.results.samples import LARGEST
from tests.bench import synthetic

VALUES = st.lists(st.integers(0, 40) | st.integers(0, LARGEST), max_size=60)


@given(st.lists(VALUES, max_size=5))
def test_quantiles_of_blocks_are_those_of_all_values(blocks: list[list[int]]) -> None:
    """Forbids approximate quantiles, or another rank, where a run has many operations."""
    whole = [value for block in blocks for value in block]
    arrays = [np.array(block, np.int64) for block in blocks]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many_values, "AT_ONCE", 0 if whole else 1)
        assert quantiles_of_blocks(partial(iter, arrays), len(whole)) == stats.quantiles(whole)


@given(st.lists(st.integers(0, LARGEST), min_size=1, max_size=2_000))
def test_quantiles_are_the_inverse_of_the_distribution(values: list[int]) -> None:
    """Forbids a rank that differs from Hyndman and Fan's first definition by one."""
    shares = list(stats.QUANTILES.values())
    exact = np.quantile(np.array(values), shares, method="inverted_cdf").tolist()
    assert list(stats.quantiles(values).values()) == exact


def test_figures_do_not_depend_on_how_much_fits_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five million samples took 379 MB of the parent's memory: all were put together."""
    results = synthetic.results(tmp_path, synthetic.quick_plan(["psycopg2", "orm+asyncpg"]))
    results.runs[0].samples.errors[1] = "TimeoutError: late"
    before = summary.summarise(results)
    monkeypatch.setattr(summary, "AT_ONCE", 0)
    monkeypatch.setattr(many_values, "AT_ONCE", 0)
    assert summary.summarise(results) == before
