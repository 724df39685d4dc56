"""One unit a column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.model.units import (
    BYTES,
    RATES,
    TIMES,
    Unit,
    number,
    short,
    unit_of,
    unit_of_column,
    with_unit,
)


@pytest.mark.parametrize(
    ("values", "symbol"),
    [
        ([4_000, 300_000, 650_000], "µs"),
        ([4_000, 2_300_000, 8_000_000], "ms"),
        ([None, 1_500_000_000], "s"),
        ([0, 0], "ns"),
        ([], "ns"),
    ],
)
def test_a_column_takes_the_unit_of_its_middle(values: list[float | None], symbol: str) -> None:
    assert unit_of(values, TIMES).symbol == symbol


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0042, "0.004"),
        (0.0004, "<0.001"),
        (0.9999, "1.00"),
        (3.14159, "3.14"),
        (9.999, "10.0"),
        (42, "42.0"),
        (99.97, "100"),
        (1234.5, "1,234"),
    ],
)
def test_three_digits(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(0, 1e12))
def test_never_an_exponent(value: float) -> None:
    assert "e" not in number(value)


def test_a_value_in_the_columns_unit() -> None:
    assert Unit("ms", 1e6).text(2_500_000) == "2.50"
    assert Unit("ms", 1e6).text(None) == "-"


@pytest.mark.parametrize(
    ("value", "units", "tick", "label"),
    [
        (20_000, RATES, "20 k", "20.0 k"),
        (1_500_000, TIMES, "1.5 ms", "1.50 ms"),
        (0, TIMES, "0", "0 ns"),
        (1e6, BYTES, "1 MB", "1.00 MB"),
        (50, RATES, "50", "50.0"),
        (0.5, RATES, "0.5", "0.500"),
    ],
)
def test_ticks_are_round_and_labels_have_three_digits(
    value: float, units: tuple[Unit, ...], tick: str, label: str
) -> None:
    assert short(value, units) == tick
    assert with_unit(value, units) == label


def test_a_column_of_dashes_has_no_unit() -> None:
    """Forbid `ns` over a column without a latency, as at a rate that was not held."""
    assert unit_of_column([None, None], TIMES).symbol == ""
    assert unit_of_column([None, 2e6], TIMES).symbol == "ms"
    assert unit_of_column([0], TIMES).symbol == "ns"
