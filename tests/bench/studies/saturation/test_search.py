"""The search for the highest rate: against backends whose limit is known."""

from collections.abc import Callable
from random import Random

import pytest

from bench.model.rate import MOST_PER_S
from bench.studies.saturation.search import (
    CONFIRMING,
    CURVE,
    STEP,
    Search,
    confidence,
    windows_for,
)


def carried_out(search: Search, passes: Callable[[int], bool], most: int = 500) -> list[int]:
    """Carry out a search; return the rates of its windows."""
    rates: list[int] = []
    while (rate := search.next()) is not None:
        assert len(rates) < most, "the search has no end"
        rates.append(rate)
        search.note(rate, passes(rate))
    return rates


@pytest.mark.parametrize("limit", [1, 2, 7, 40, 333, 1_000, 7_900, 10_900, 30_000])
def test_the_answer_is_just_below_the_limit(limit: int) -> None:
    """Defect: a search that ends at one of its first bounds, wherever the limit is: the closed loop
    of orm+asyncpg had a slow window, and the answer was its first upper bound."""
    search = Search(10_000.0)
    rates = carried_out(search, lambda rate: rate <= limit)
    assert search.answer is not None
    assert limit / STEP**1.5 - 1 <= search.answer <= limit
    assert rates.count(search.answer) >= CONFIRMING
    assert search.missed is not None
    assert search.answer < search.missed <= limit * STEP**1.5 + 1


def test_nothing_that_passes_gives_no_answer() -> None:
    """Defect: a backend that fails everywhere was searched for ever, or got a rate."""
    search = Search(5_000.0)
    carried_out(search, lambda _: False)
    assert search.answer is None
    assert search.next() is None


def test_a_stall_does_not_halve_the_answer() -> None:
    """Defect: a single window that the machine stalled sent the bisection to the lower half."""
    stalled = iter([True])
    search = Search(10_000.0)
    carried_out(search, lambda rate: rate <= 8_000 and not next(stalled, False))
    assert search.answer is not None
    assert search.answer > 7_000


def test_the_curve_is_below_the_answer() -> None:
    """Defect: a chart without the points before the knee."""
    search = Search(10_000.0)
    rates = carried_out(search, lambda rate: rate <= 6_000)
    assert search.answer is not None
    assert {round(search.answer * share) for share in CURVE} <= set(rates)


def test_the_confidence_covers_all_candidates() -> None:
    """Defect: with twenty candidates, one that half of the windows miss passed by chance."""
    assert [windows_for(number) for number in (1, 2, 3, 4)] == [6, 6, 7, 8]
    assert confidence(1) == pytest.approx(1 - 1 / 64)
    assert all(confidence(tried) > 0.95 for tried in range(1, 21))


def test_a_rate_that_half_of_the_windows_miss_is_rarely_the_answer() -> None:
    """Defect: a confirmation that chance passes."""
    chance, wrong = Random(3), 0
    for _ in range(400):
        search = Search(10_000.0)
        carried_out(search, lambda rate: rate <= 2_000 or chance.random() < 0.5)
        wrong += (search.answer or 0) > 2_000
    assert wrong / 400 < 0.05


def test_a_fast_backend_is_not_asked_for_more_than_the_generator_can() -> None:
    """Defect: the null backend was asked for a million arrivals a second."""
    search = Search(2_000_000.0)
    assert max(carried_out(search, lambda _: True)) <= MOST_PER_S
