"""False alarms and power of verdicts, on rounds whose noise is known, and on real ones."""

from pathlib import Path
from random import Random
from time import sleep

import pytest

import accessors
from accessors.api import Backend, Target
from bench.analysis.figure import FIGURES, THROUGHPUT
from bench.analysis.summary import Summary, summarise
from bench.cli import calibrate as calibrate_command
from bench.model.case import Case
from bench.results.file import Results
from bench.server.database import Database
from bench.studies.calibration import calibrate as calibration
from bench.studies.calibration import slowed
from bench.studies.calibration.calibrate import EQUALS, CalibrationConfig, Generation
from tests.bench import synthetic
from tests.bench.command import Bench, ctrl_c, finish
from tests.bench.conftest import SMALL
from tests.bench.synthetic import constant_run

CASE = Case("psycopg2", synthetic.POINT, loop="none")
ROUNDS = 30


def summary(random: Random, slowdown: float, noise: float) -> Summary:
    runs = [
        constant_run(CASE, number, round(1e6 * slowdown * random.lognormvariate(0, noise)))
        for number in range(ROUNDS)
    ]
    (found,) = summarise(Results(Path(), synthetic.header([CASE]), runs))
    return found


@pytest.fixture(scope="module")
def generations() -> list[Generation]:
    """Forty of them, so that what is known of the noise holds for the rounds that were drawn."""
    random = Random(3)
    return [
        Generation(
            tuple(summary(random, 1.0, 0.05) for _ in range(EQUALS)),
            {share: summary(random, 1 + share, 0.05) for share in slowed.SHARES},
        )
        for _ in range(40)
    ]


@pytest.mark.parametrize("rounds", [6, 10, 20])
def test_false_alarms_are_as_rare_as_the_interval_says(
    generations: list[Generation], rounds: int
) -> None:
    alone = calibration.share_found(calibration.verdicts(generations, None, rounds, floored=False))
    assert 0.02 <= alone <= 0.08
    floored = calibration.share_found(calibration.verdicts(generations, None, rounds))
    assert floored <= min(alone, calibration.MOST_FALSE)


def test_a_larger_difference_and_more_rounds_are_found_more_often(
    generations: list[Generation],
) -> None:
    found = {
        (share, rounds): calibration.share_found(calibration.verdicts(generations, share, rounds))
        for share in slowed.SHARES
        for rounds in (6, 20)
    }
    assert found[0.05, 6] < found[0.10, 6] < found[0.20, 6]
    assert all(found[share, 6] < found[share, 20] for share in (0.05, 0.10))
    assert found[0.20, 20] == 1
    needed = [calibration.rounds_needed(generations, share, ROUNDS) for share in (0.2, 0.1)]
    assert needed == sorted(each for each in needed if each)
    assert calibration.rounds_needed(generations, 0.05, 6) is None


def test_every_slowdown_found_is_called_slower(generations: list[Generation]) -> None:
    words = {verdict.word for verdict in calibration.verdicts(generations, 0.2, 20)}
    assert words == {"slower"}


def test_what_the_wait_came_to_is_measured(generations: list[Generation]) -> None:
    for share in slowed.SHARES:
        for figure in (THROUGHPUT, FIGURES["p50"]):
            realised = calibration.realised_slowdown(generations, share, figure)
            assert realised == pytest.approx(share, abs=0.01)


def test_a_row_is_named_by_the_slowdown_that_was_realised() -> None:
    """Defect: rows named 5, 10 and 20 % had slowdowns of 9, 17 and 30 %."""
    random = Random(5)
    realised = {0.05: 1.09, 0.10: 1.17, 0.20: 1.30}
    made = [
        Generation(
            tuple(summary(random, 1.0, 0.01) for _ in range(EQUALS)),
            {share: summary(random, factor, 0.01) for share, factor in realised.items()},
        )
    ]
    for share, factor in realised.items():
        assert calibration.realised_slowdown(made, share) == pytest.approx(factor - 1, abs=0.01)
    setting = CalibrationConfig("", SMALL, generations=1, rounds=ROUNDS)
    words = calibrate_command.report(made, setting, THROUGHPUT)
    rows = [line.split() for line in words.splitlines() if line.strip()]
    named = {cells[1]: float(cells[0].rstrip("%")) / 100 for cells in rows if cells[0][0].isdigit()}
    assert named == {
        f"{share:.0%}": pytest.approx(factor - 1, abs=0.01) for share, factor in realised.items()
    }


@pytest.mark.parametrize("share", slowed.SHARES)
def test_a_slowed_backend_answers_as_psycopg2_does_and_waits(
    shop: Database, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is the test's: a read takes 1,000 of its ticks, each look at it 10."""
    looks = [0, 1000, *range(1010, 2000, 10)]
    left = iter(looks)
    monkeypatch.setattr(slowed, "perf_counter_ns", lambda: next(left))
    backend = accessors.load(slowed.name_of(share), slowed.__name__)
    plain = accessors.load("psycopg2")
    answers = []
    for each in (backend, plain):
        assert isinstance(each, Backend)
        with each.open(Target(shop.url)), each.accessor() as accessor:
            answers.append(accessor.get_total_cost_of_an_order(2))
    assert answers[0] == answers[1] is not None
    assert len(looks) - len(list(left)) == 2 + round(share * 1000 / 10)


def test_real_rounds_in_processes_of_their_own(shop: Database) -> None:
    done: list[None] = []
    setting = CalibrationConfig(
        shop.url, SMALL, generations=2, rounds=6, seconds=0.01, warm_up_s=0.0
    )
    found: list[Generation] = []
    calibration.measure(setting, lambda: done.append(None), found)
    assert len(done) == setting.runs == 2 * 6 * (EQUALS + len(slowed.SHARES))
    for generation in found:
        assert len(generation.equals) == EQUALS
        assert {len(each.rounds) for each in generation.equals} == {6}
        assert not any(each.errors for each in (*generation.equals, *generation.slowed.values()))
        assert {each.case.backend for each in generation.equals} == {"psycopg2"}
        for share, each in generation.slowed.items():
            assert each.case.backend == slowed.name_of(share)


@pytest.mark.parametrize(
    ("runs", "kept"), [(5 * 7 + 3, []), (6 * 7 + 3, [6]), (15 * 7 + 1, [8, 7])]
)
def test_whole_rounds_stay_when_it_is_interrupted(
    shop: Database, runs: int, kept: list[int]
) -> None:
    """Defect: Ctrl-C lost all rounds of a calibration, which may take an hour."""
    setting = CalibrationConfig(
        shop.url, SMALL, generations=3, rounds=8, seconds=0.01, warm_up_s=0.0
    )
    done: list[None] = []
    found: list[Generation] = []

    def interrupt() -> None:
        done.append(None)
        if len(done) == runs:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibration.measure(setting, interrupt, found)
    assert [generation.amount for generation in found] == kept
    for generation in found:
        cases = (*generation.equals, *generation.slowed.values())
        assert len({len(case.rounds) for case in cases}) == 1
    if kept:
        words = calibrate_command.report(found, setting, THROUGHPUT)
        assert f"from {'1 x 6' if kept == [6] else '8 + 7'} real rounds" in words


@pytest.mark.usefixtures("database")
def test_ctrl_c_prints_the_table_of_the_rounds_until_then(bench: Bench) -> None:
    """Defect: `bench calibrate` printed nothing after Ctrl-C."""
    command = bench.start("calibrate", "--generations=999", "--rounds=6", "--seconds=0.01")
    assert command.stderr is not None
    while "runs, about" not in command.stderr.readline():
        assert command.poll() is None
    sleep(4)
    ctrl_c(command)
    done = finish(command)
    assert done.code == 130, done.err
    assert "resampled from" in done.out or "and there were fewer" in done.err
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("database")  # its dataset is larger
def test_the_command_prints_false_alarms_and_power(bench: Bench) -> None:
    done = bench("calibrate", "--generations=1", "--rounds=6", "--seconds=0.01")
    assert done.code in (0, 1)
    assert "resampled from 1 x 6 real rounds of 0.01 s" in done.out
    lines = [line for line in done.out.splitlines() if line.strip()]
    assert any(line.startswith("nothing") and line.endswith("at most 5%") for line in lines)
    waits = {line.split()[1] for line in lines if line[0].isdigit() or line[0] == "-"}
    assert waits == {"5%", "10%", "20%"}
    assert "42 runs, about" in done.err


def test_a_figure_that_says_nothing_here(bench: Bench) -> None:
    done = bench("calibrate", "--figure=rows")
    assert done.code == 2
    assert done.error[0].startswith("error: no figure named 'rows' here")
