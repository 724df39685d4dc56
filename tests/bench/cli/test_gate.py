"""`bench gate` on a real server: it measures, measures again what would stop, and decides."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.results import file
from bench.server.embedded import EmbeddedServer
from tests.bench.command import ONE_CASE, Bench
from tests.bench.execution.test_pinning import needs_two
from tests.databases import new_database
from tests.root import REFERENCE

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
    if done.code == 3 and re.search(r"other programs used \d\d+%", " ".join(done.out.split())):
        pytest.skip("other programs used so much that they alone may have made it slower")
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


@needs_two
def test_the_gate_measures_under_the_conditions_of_the_reference(bench: Bench) -> None:
    """Defect: a reference with --pin was compared with a gate without: the same code ran at 1.8."""
    run = [word for word in ONE_CASE if not word.startswith("--rounds")]
    conditions = ("--pin", "--connect=psycopg2.connect_timeout=9", "--backend=psycopg2", "--guard")
    done = bench("run", *run, "--rounds=1", *conditions, *PLAIN, "--label=special")
    assert done.code == 0, done.err
    done = bench("gate", "special", *PLAIN, "--fail-on=9900%")
    assert done.code in (0, 3), done.err
    before, after = (
        file.load(next((bench.folder / "results").glob(f"*-{name}"))).header
        for name in ("special", "gate")
    )
    assert before.pinned is not None
    assert (after.pinned, after.connect) == (before.pinned, before.connect)
    assert (after.session_guard, after.dataset) == (before.session_guard, before.dataset)
    assert after.plan == before.plan


def test_a_run_that_is_there_is_used_as_the_first_measurement(bench: Bench) -> None:
    done = bench("gate", "before", MODULE, *PLAIN, "--first=before", "--allow-blind")
    assert done.code == 0, done.err
    assert not list((bench.folder / "results").glob("*-gate*"))


def test_only_the_chosen_cases_are_judged(bench: Bench) -> None:
    """Defect: `--first` with `--backend asyncpg` judged psycopg2 and psycopg-async, too, whose A/A
    pairs tell the noise floor: one of them could stop a gate of asyncpg."""
    kept = str(REFERENCE)
    words = ("--backend=asyncpg", "--format=json", "--allow-blind")
    done = bench("gate", kept, f"--first={kept}", *words)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert {case["key"].partition("/")[0] for case in found["cases"]} == {"asyncpg"}
    assert len(found["noise_floors"][1]["by_kind"]) == 2


def test_a_second_measurement_under_other_conditions_is_refused(bench: Bench) -> None:
    """Defect: the first and the second measurement were pooled although their servers differed."""
    (before,) = (bench.folder / "results").glob("*-before")
    first = shutil.copytree(before, bench.folder / "first") / file.RUN_FILE
    lines = [json.loads(line) for line in first.read_text().splitlines()]
    lines[0]["environment"]["server"]["version"] = "13.1"
    for line in lines:
        if line["kind"] == "run":
            line["client_cpu_ns"] *= 1000
    first.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = bench("gate", "before", MODULE, *PLAIN, "--first=first", "--figure=cpu")
    assert done.code == 2, done.err
    assert "second measurement was not made as the first was (server.version: 13.1 -> " in done.err
    assert done.error[1].startswith("Both are to be one: ")


def test_a_reference_of_a_cluster_is_not_measured_here(bench: Bench) -> None:
    """Defect: the gate held a run of this machine against one of many machines."""
    (before,) = (bench.folder / "results").glob("*-before")
    path = before / file.RUN_FILE
    header, *lines = path.read_text().splitlines()
    changed = json.dumps({**json.loads(header), "cluster": [{"name": "worker", "workers": 2}]})
    path.write_text("\n".join([changed, *lines, ""]))
    done = bench("gate", "before", MODULE, *PLAIN)
    assert done.code == 2
    assert done.error[0].startswith("error: the clients of the reference ran on a cluster")


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


def further(bench: Bench, name: str, year: int, **changes: str) -> str:
    """A further run: the reference under another name, measured in another year."""
    (reference,) = (bench.folder / "results").glob("*-before")
    text = (reference / "run.jsonl").read_text(encoding="utf-8")
    created = file.load(reference).header.created_at
    assert created is not None
    for old, new in ({created: f"{year}{created[4:]}"} | changes).items():
        assert old in text
        text = text.replace(old, new)
    folder = bench.folder / "results" / name
    folder.mkdir()
    (folder / "run.jsonl").write_text(text, encoding="utf-8")
    return f"--same-code={name}"


def test_further_runs_of_the_same_code_are_compared_with_too(bench: Bench) -> None:
    """Forbid a gate that takes --same-code and does not use it."""
    runs = [further(bench, "one", 2001), further(bench, "two", 2002)]
    done = bench("gate", "before", MODULE, *PLAIN, *runs, "--first=before", "--allow-blind")
    assert done.code == 0, done.err


def test_runs_that_tell_no_spread_are_refused(bench: Bench) -> None:
    """Forbid that a run named twice, or one of other code, is taken for another day of the same."""
    one, two = further(bench, "one", 2001), further(bench, "two", 2002)
    python = file.load(bench.folder / "results" / "one").header.environment.python
    other = further(bench, "six", 2006, **{f'"python":"{python}"': '"python":"3.0.0"'})
    for words, error in (
        ([one], "one further run cannot tell"),
        ([one, one], "one is named twice, or a copy"),
        ([one, "--same-code=before"], "is named twice, or a copy"),
        ([one, other], "six is of other code than the reference: python: "),
        ([two, "--same-code=nowhere"], "no run named 'nowhere'"),
    ):
        done = bench("gate", "before", MODULE, *PLAIN, "--first=before", *words)
        assert done.code == 2, done.err
        assert error in done.err
        assert len(done.error) <= 2


def test_a_comparison_takes_further_runs_as_a_gate_does(bench: Bench) -> None:
    """Defect: `bench compare --fail-on` said to name runs by --same-code, and had no
    such option."""
    one, two = further(bench, "one", 2001), further(bench, "two", 2002)
    further(bench, "later", 2003)
    compare = ("compare", "before", "later", "--no-charts", "--fail-on=0%")
    alone = bench(*compare)
    assert (alone.code, "Runs of the same code differ" in alone.err) == (3, False), alone.err
    beside = bench(*compare, one, two)
    assert (beside.code, "Runs of the same code differ" in beside.err) == (3, True), beside.err
    for words, error in (
        ([one], "one further run cannot tell"),
        ([one, one], "one is named twice, or a copy"),
    ):
        done = bench(*compare, *words)
        assert (done.code, error in done.err) == (2, True), done.err
    done = bench(*compare[:-1], one, two)
    assert (done.code, "--same-code is for a gate" in done.err) == (2, True), done.err
