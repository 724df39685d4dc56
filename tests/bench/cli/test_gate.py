"""`bench gate` on a real server: it measures, measures again what would stop, and decides."""

import pytest

from tests.bench.command import ONE_CASE, Bench

SLOWER = """
def get_total_cost_of_an_order(self, order_id):
    time.sleep(float(os.environ.get("SLEEP_S", "0")))
    return super().get_total_cost_of_an_order(order_id)
"""
MODULE = "--backend-module=oddly"
PLAIN = ("--no-verify", "--quiet")


def reference(bench: Bench) -> None:
    own = bench.odd(mine=SLOWER)
    run = [word for word in ONE_CASE if not word.startswith("--rounds")]
    done = bench("run", *run, "--rounds=6", *own, *PLAIN, "--label=before")
    assert done.code == 0, done.err


def test_the_gate_stops_what_is_slower_also_when_it_is_measured_again(bench: Bench) -> None:
    """Defect: a case that looked slower by chance stopped the gate, without a second look."""
    reference(bench)
    bench.environment["SLEEP_S"] = "0.3"
    done = bench("gate", "before", MODULE, *PLAIN, "--fail-on=50%")
    assert done.code == 1, done.err
    assert "measuring 1 cases again before anything stops" in done.err
    assert "slower by more than 50% in" in done.err
    assert done.err.rstrip().endswith("gate: slower")
    assert len(list((bench.folder / "results").glob("*-gate-again"))) == 1


def test_the_same_code_passes_or_the_gate_says_that_it_is_blind(bench: Bench) -> None:
    reference(bench)
    done = bench("gate", "before", MODULE, *PLAIN, "--fail-on=99")
    assert done.code in (0, 3), done.err
    assert done.err.rstrip().endswith(("gate: passed", "gate: blind"))
    assert "Smallest slowdown that would be seen" in done.out


def test_a_run_that_is_there_is_used_as_the_first_measurement(bench: Bench) -> None:
    reference(bench)
    done = bench("gate", "before", MODULE, *PLAIN, "--first=before", "--allow-blind")
    assert done.code == 0, done.err
    assert not list((bench.folder / "results").glob("*-gate*"))


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "Missing argument 'REFERENCE'"),
        (("nowhere",), "no run named 'nowhere'"),
        (("before", "--backend=nobody"), "no backend named 'nobody'"),
        (("before", "--fail-on=much"), "'much' is not a share"),
        (("before", "--figure=speed"), "no figure named 'speed'"),
        (("before",), "no backend named 'mine'"),
    ],
)
def test_wrong_use_is_two_lines(bench: Bench, words: tuple[str, ...], error: str) -> None:
    reference(bench)
    done = bench("gate", *words)
    assert done.code == 2
    assert error in done.err
    assert len(done.error) <= 2
