"""The verdict on two cases, and the effect of the noise floor on it."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.figure import FIGURES, THROUGHPUT
from bench.analysis.summary import Summary, summarise
from bench.analysis.verdict import compare, noise_floor
from bench.model.case import Case
from bench.results.file import Results
from tests.bench import synthetic

POINT = Case("asyncpg", synthetic.POINT)
OTHER = Case("psycopg2", synthetic.POINT, loop="none")
TWIN = replace(POINT, twin=True)
ROUND_FACTORS = (1.0, 1.3, 0.8, 1.1, 0.9, 1.2, 1.05)


def summaries(folder: Path, slowdowns: dict[Case, list[float]]) -> list[Summary]:
    """Return summaries: a round of a case takes 100 µs x factor of the round x slowdown."""
    runs = [
        synthetic.constant_run(case, number, round(100_000 * factor * slowdown))
        for case, own in slowdowns.items()
        for number, (factor, slowdown) in enumerate(zip(ROUND_FACTORS, own, strict=False))
    ]
    return summarise(Results(folder, synthetic.header(list(slowdowns)), runs))


def spread(around: float, by: float = 0.01, rounds: int = 7) -> list[float]:
    return [around * (1 + by * (number - rounds // 2) / (rounds // 2)) for number in range(rounds)]


@pytest.mark.parametrize(
    ("slowdown", "throughput", "latency"),
    [(1.3, "slower", "slower"), (0.7, "faster", "faster"), (1.0, *["indistinguishable"] * 2)],
)
def test_a_verdict_is_about_speed_whichever_way_a_figure_goes(
    tmp_path: Path, slowdown: float, throughput: str, latency: str
) -> None:
    a, b = summaries(tmp_path, {POINT: spread(1.0), OTHER: spread(slowdown)[::-1]})
    by_throughput, by_latency = compare(a, b), compare(a, b, FIGURES["p50"])
    assert (by_throughput.word, by_latency.word) == (throughput, latency)
    assert by_throughput.ratio is not None
    assert by_throughput.ratio.median == pytest.approx(1 / slowdown, rel=0.01)
    assert by_latency.ratio is not None
    assert by_latency.ratio.median == pytest.approx(slowdown, rel=0.01)


def test_fewer_than_six_rounds_decide_nothing(tmp_path: Path) -> None:
    """Forbids a verdict from 3 rounds, whose interval is 75 % sure."""
    a, b = summaries(tmp_path, {POINT: [1.0] * 5, OTHER: [9.0] * 5})
    assert compare(a, b).word == "undecided"
    a, b = summaries(tmp_path, {POINT: [1.0] * 6, OTHER: [9.0] * 6})
    assert compare(a, b).word == "slower"


def test_nothing_in_common_decides_nothing(tmp_path: Path) -> None:
    a, b = summaries(tmp_path, {POINT: [1.0] * 6, OTHER: [1.0] * 6})
    verdict = compare(a, replace(b, rounds=()))
    assert (verdict.word, verdict.ratio, str(verdict)) == ("undecided", None, "undecided")


def test_a_difference_counts_only_beyond_the_noise_floor(tmp_path: Path) -> None:
    found = summaries(tmp_path, {POINT: spread(1.0), OTHER: spread(1.1), TWIN: spread(1.15)})
    floor = noise_floor(found)
    assert floor is not None
    assert [pair.case for pair in floor.pairs] == [POINT]
    assert floor.factor == pytest.approx(1.15, rel=0.02)
    a, b, _ = found
    assert compare(a, b).word == "slower"
    verdict = compare(a, b, floor=floor)
    assert verdict.word == "indistinguishable"
    assert verdict.floor == floor.factor


def test_results_without_a_pair_have_no_floor(tmp_path: Path) -> None:
    assert noise_floor(summaries(tmp_path, {POINT: [1.0] * 6, OTHER: [1.0] * 6})) is None
    assert noise_floor(summaries(tmp_path, {OTHER: [1.0] * 6, TWIN: [1.0] * 6})) is None


def test_verdicts_are_told_in_words(tmp_path: Path) -> None:
    a, b = summaries(tmp_path, {POINT: [1.0] * 6, OTHER: [20.0] * 6})
    assert str(compare(a, b)) == "slower: 0.05x (0.05 to 0.05)"
    assert str(compare(b, a)) == "faster: 20x (20 to 20)"
    (a,) = summaries(tmp_path, {POINT: [1.0]})
    assert str(compare(a, a, THROUGHPUT)) == "undecided: 1.00x"


def test_every_figure_is_one_of_a_round(tmp_path: Path) -> None:
    (a,) = summaries(tmp_path, {POINT: [1.0] * 2})
    for figure in FIGURES.values():
        assert set(a.by_round(figure)) <= {0, 1}
    assert a.by_round(FIGURES["p99"]) == {0: 100_000, 1: 130_000}
