"""Arrival rates: their texts, their windows, and their place in a case."""

from dataclasses import replace

import pytest

from accessors import load
from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.fetch import Fetch
from bench.model.rate import LONGEST_S, parse, window_at_rate_s

CASE = Case("asyncpg", "get_customers", concurrency=4, rate=500)


@pytest.mark.parametrize("text", ["500", " 500 ", "500/s"])
def test_a_rate_is_operations_a_second(text: str) -> None:
    assert parse(text) == 500


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "fast", "1e3", "٣", "nan", "500/m"])
def test_nonsense_is_refused_in_two_lines(text: str) -> None:
    """Defect: a rate of 0 divided by zero in a worker process."""
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert str(refused.value).count("\n") == 1


@pytest.mark.parametrize("text", ["1" * 21, "1" * 5_000])
def test_more_than_any_generator_can_is_refused_with_what_it_can(text: str) -> None:
    """Defect: a number of thousands of digits ended in a traceback."""
    with pytest.raises(UsageError, match="50,000/s"):
        parse(text)


def test_a_low_rate_has_a_long_window() -> None:
    """Defect: ten arrivals in a window of 50 ms have no p99, and no stationary queue."""
    assert window_at_rate_s(5_000, 0.05) == 1.0
    assert window_at_rate_s(200, 0.05) == 5.0
    assert window_at_rate_s(1, 0.05) == LONGEST_S
    assert window_at_rate_s(1, 60.0) == 60.0


def test_the_rate_is_in_key_title_and_file() -> None:
    """Defect: two rates of one case in one line of a table; an old file with another key."""
    assert CASE.key.endswith("/rate 500")
    assert "500 arrivals/s" in CASE.title
    assert Case.from_dict(CASE.as_dict()) == CASE
    uniform = replace(CASE, arrivals="uniform")
    assert Case.from_dict(uniform.as_dict()) == uniform
    assert uniform.key != CASE.key
    plain = replace(CASE, rate=None)
    assert {"rate", "arrivals"}.isdisjoint(plain.as_dict())
    assert "rate" not in plain.key


@pytest.mark.parametrize(
    ("factors", "reason"),
    [({"fetch": Fetch("streamed")}, "first row"), ({"loop": "uvloop"}, "whole milliseconds")],
)
def test_what_does_not_fit_a_rate_has_a_reason(factors: dict[str, object], reason: str) -> None:
    """Defect: a stream's first row, timed from the call, beside responses from the arrival."""
    case = replace(CASE, **factors)  # type: ignore[arg-type]
    found = case.impossible(load("asyncpg"))
    assert found is not None
    assert reason in found
    assert replace(case, rate=None).impossible(load("asyncpg")) is None
