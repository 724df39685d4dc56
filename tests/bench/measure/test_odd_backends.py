"""Backends that fail: each has its own failures, and the others go on."""

from collections.abc import Iterator

import pytest

from bench.server.embedded import EmbeddedServer
from tests.bench.command import Bench, Done
from tests.databases import new_database

RAISES = "def get_total_cost_of_an_order(self, order_id):\n    "
DIES_ONCE = """
def get_total_cost_of_an_order(self, order_id):
    if not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return super().get_total_cost_of_an_order(order_id)
"""
ODD = {
    "dies_once": DIES_ONCE,
    "hangs": RAISES + "time.sleep(1000)",
    "exits": RAISES + "raise SystemExit(3)",
    "interrupts": RAISES + "raise KeyboardInterrupt",
    "times_out": RAISES + "raise TimeoutError('of its own')",
    "fails": RAISES + "1 / 0",
    "no_session": "def __init__(self, connection):\n    raise RuntimeError('no session')",
}

Ward = tuple[Bench, Done]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory, server: EmbeddedServer) -> Iterator[Ward]:
    """All of them in one run, with one that is well."""
    options = (
        "--no-verify",
        "--timeout=3",
        "--seconds=0.1",
        "--backend=null",
        "--backend=psycopg2",
    )
    with new_database(server) as database:
        bench = Bench(tmp_path_factory.mktemp("ward"), database.url)
        yield bench, bench.measure(*options, *bench.odd(**ODD))


def failures(ward: Ward, backend: str) -> list[str]:
    bench, _ = ward
    lines = bench.lines("failure")
    return [line["error"] for line in lines if line["case"]["backend"] == backend]


def operation_errors(ward: Ward, backend: str) -> list[set[str]]:
    """The errors of each of its runs."""
    bench, _ = ward
    runs = [run for run in bench.lines("run") if run["case"]["backend"] == backend]
    return [set(run["samples"]["errors"].values()) for run in runs]


def test_the_command_ends_with_what_failed(ward: Ward) -> None:
    bench, done = ward
    assert done.code == 1
    first, second = done.error
    assert first.startswith("error: 13 runs failed, the first: ")
    assert second == f"What was measured, and every failure, is kept in {bench.out}."
    (end,) = bench.lines("end")
    assert end["outcome"] == "failed"
    assert end["reason"] in first


def test_the_others_go_on(ward: Ward) -> None:
    _, done = ward
    assert operation_errors(ward, "null") == [set(), set()]
    assert "floor" in done.out


def test_one_that_dies_is_started_again(ward: Ward) -> None:
    _, done = ward
    assert failures(ward, "dies_once") == ["its process died"]
    assert operation_errors(ward, "dies_once") == [set()]
    said = "dies_once, get_total_cost_of_an_order, at 1: its process died"
    assert f"failed: {said}" in done.err
    assert f"failed   {said}" in done.out
    assert "\nagain    bench run --profile smoke --backend " in done.out


def test_one_that_hangs_is_given_up_once(ward: Ward) -> None:
    """Forbids waiting for ever, and waiting for it again in each round."""
    assert failures(ward, "hangs") == [
        "no end after 5.11 s: its process was given up",
        "not tried again: it had not ended",
    ]


@pytest.mark.parametrize(
    ("backend", "error"),
    [
        ("exits", "SystemExit: 3"),
        ("interrupts", "KeyboardInterrupt: "),
        ("no_session", "RuntimeError: no session"),
    ],
)
def test_what_ends_a_run(ward: Ward, backend: str, error: str) -> None:
    """Forbids a backend's SystemExit to end the command, its KeyboardInterrupt to pass for Ctrl-C,
    and a run that never began to be told as "Meter has no attribute"."""
    assert failures(ward, backend) == [error, error]


@pytest.mark.parametrize(
    ("backend", "error"),
    [("fails", "ZeroDivisionError: division by zero"), ("times_out", "TimeoutError: of its own")],
)
def test_an_operation_that_fails_is_a_sample(ward: Ward, backend: str, error: str) -> None:
    """Forbids taking a library's own TimeoutError for a process that hangs."""
    bench, done = ward
    assert operation_errors(ward, backend) == [{error}, {error}]
    for text in (done.out, (bench.out / "summary.csv").read_text()):
        assert error.partition(":")[0] in text


def test_one_that_hangs_in_verification(bench: Bench) -> None:
    """Forbids verifying for ever."""
    odd = bench.odd(hangs=ODD["hangs"])
    done = bench("verify", "--scale=0.01", "--timeout=5", *odd, "--backend=psycopg2")
    assert done.code == 1
    assert "differs hangs               no end after 5 s: its process was given up" in done.out
    assert "ok      psycopg2" in done.out
