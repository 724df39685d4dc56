"""`bench gate` on a real server: it measures, measures again what would stop, and decides."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli.gate_measurement import GateOptions, config_of
from bench.model.case import Case
from bench.model.plan import Plan
from bench.model.profiles import PROFILES
from bench.server.embedded import EmbeddedServer
from bench.system.processors import Halves
from tests.bench import synthetic
from tests.bench.command import ONE_CASE, Bench
from tests.databases import new_database

SLOWER = """
def get_total_cost_of_an_order(self, order_id):
    time.sleep(float(os.environ.get("SLEEP_S", "0")))
    return super().get_total_cost_of_an_order(order_id)
"""
MODULE = "--backend-module=oddly"
PLAIN = ("--no-verify", "--quiet")


@pytest.fixture(scope="module")
def measured(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A reference run, measured once, and the database that it was measured on."""
    with new_database(server) as database:
        bench = Bench(tmp_path_factory.mktemp("reference"), database.url)
        run = [word for word in ONE_CASE if not word.startswith("--rounds")]
        own = bench.odd(mine=SLOWER)
        done = bench("run", *run, "--rounds=6", *own, *PLAIN, "--label=before")
        assert done.code == 0, done.err
        yield bench


@pytest.fixture
def bench(measured: Bench, tmp_path: Path) -> Bench:
    """Commands in a folder of the test's own, with a copy of the reference run."""
    shutil.copytree(measured.folder, tmp_path, dirs_exist_ok=True)
    return Bench(tmp_path, measured.environment["DATABASE_URL"])


def test_the_gate_stops_what_is_slower_also_when_it_is_measured_again(bench: Bench) -> None:
    """Defect: a case that looked slower by chance stopped the gate, without a second look."""
    bench.environment["SLEEP_S"] = "0.3"
    done = bench("gate", "before", MODULE, *PLAIN, "--fail-on=50%")
    assert done.code == 1, done.err
    assert "measuring 1 cases again before anything stops" in done.err
    assert "slower by more than 50% in" in done.err
    assert done.err.rstrip().endswith("gate: slower")
    assert len(list((bench.folder / "results").glob("*-gate-again"))) == 1


def test_the_same_code_passes_or_the_gate_says_that_it_is_blind(bench: Bench) -> None:
    done = bench("gate", "before", MODULE, *PLAIN, "--fail-on=9900%")
    assert done.code in (0, 3), done.err
    assert done.err.rstrip().endswith(("gate: passed", "gate: blind"))
    assert "Smallest slowdown that would be seen" in done.out


def test_the_gate_measures_under_the_conditions_of_the_reference() -> None:
    """Defect: a reference with --pin was compared with a gate without: the same code ran at 1.8."""
    options = GateOptions((), (), (), None, None, None, None, (), 1.0, verify=True, quiet=True)
    case = Case("psycopg2", synthetic.POINT, connect="statement-timeout=1s")
    plain = synthetic.header([case])
    special = replace(
        plain,
        pinned=Halves((0,), (1,)),
        session_guard=True,
        connect=("statement-timeout=1s",),
        dataset=replace(plain.dataset, seed=3),
    )
    planned = Plan(PROFILES["smoke"], (case,))
    config = config_of(special, planned, {}, options)
    assert (config.pin, config.guard, config.connect) == ("if possible", True, special.connect)
    assert config.dataset.seed == 3
    config = config_of(plain, planned, {}, options)
    assert (config.pin, config.guard, config.connect) == ("no", False, ())


def test_a_run_that_is_there_is_used_as_the_first_measurement(bench: Bench) -> None:
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
    done = bench("gate", *words)
    assert done.code == 2
    assert error in done.err
    assert len(done.error) <= 2
