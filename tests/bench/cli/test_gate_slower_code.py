"""`bench gate --same-code` on real runs of code that is really slower, and of the same code."""

from pathlib import Path

import pytest

from bench.analysis.compare.comparison import SummedUp
from bench.results import file
from bench.server.database import Database
from tests.bench.command import ONE_CASE, Bench
from tests.bench.execution.test_pinning import needs_two

SLOWER = '''
"""psycopg2 with a busy wait: a share, from the environment, of the CPU time of its read."""
import os
from contextlib import contextmanager
from time import thread_time_ns
from accessors.sync.psycopg2 import Psycopg2, Psycopg2Accessor

WAIT = float(os.environ["WAIT"])

class ShopAccessor(Psycopg2Accessor):
    def get_total_cost_of_an_order(self, order_id):
        start = thread_time_ns()
        answer = super().get_total_cost_of_an_order(order_id)
        now = thread_time_ns()
        until = now + WAIT * (now - start)
        while now < until:
            now = thread_time_ns()
        return answer

class Shop(Psycopg2):
    name = "shop"

    @contextmanager
    def accessor(self):
        with super().accessor() as accessor:
            yield ShopAccessor(accessor.native)

BACKENDS = [Shop()]
'''
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
BACKEND = ("--backend-module=shop",)
QUIET = ("--no-verify", "--quiet")
WAITS = ("0.2", "40")
"""Shares of the read's CPU time. The second is beyond what other programs hide."""
LENGTH = ("--rounds=12", "--seconds=0.1")
CASE = [word for word in ONE_CASE if not word.startswith("--rounds")]


@needs_two
@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_the_gate_stops_slower_code_and_not_the_same(tmp_path: Path, database: Database) -> None:
    """Forbids that a gate with --same-code is shown by simulation alone.

    A read with a busy wait of a fifth of its CPU time has to stop it, measured twice. The same read
    without must not. On a machine too busy to tell, the gate is blind, and never green; a read that
    takes many times as long stops it there, too.
    """
    bench = Bench(tmp_path, database.url)
    (tmp_path / "shop.py").write_text(SLOWER)
    bench.environment["WAIT"] = "0"
    for day in DAYS:
        words = (*CASE, *LENGTH, "--pin", "--backend=shop", f"--label={day}")
        done = bench("run", *words, *BACKEND, *QUIET)
        assert done.code == 0, done.err
    alike = [f"--same-code={day}" for day in DAYS[1:]]
    gate = ("gate", DAYS[0], *alike, *BACKEND, *QUIET, "--figure=cpu", "--fail-on=5%")
    same = bench(*gate)
    print(same.out, same.err, costs_us(bench))
    assert same.code in (0, 3), same.err
    for wait in WAITS:
        bench.environment["WAIT"] = wait
        slower = bench(*gate)
        print(slower.out, slower.err, costs_us(bench))
        assert slower.code in (1, 3), slower.err
        assert "have no common ratio" not in slower.err, "other runs tell a slower machine"
        if slower.code == 1:
            break
    else:
        pytest.skip("the machine is too busy: the gate says that it is blind")
    assert "measuring 1 cases again before anything stops" in slower.err
    assert "slower by more than 5% in" in slower.err


def costs_us(bench: Bench) -> dict[str, float]:
    """Return run -> its client CPU time for an operation, in microseconds."""
    costs = {}
    for folder in sorted((bench.folder / "results").glob("*Z-*")):
        (summary, *_) = SummedUp.of("", file.load(folder)).measured.summaries
        assert summary.client_cpu_ns is not None
        costs[folder.name.partition("Z-")[2]] = round(summary.client_cpu_ns.median / 1_000, 1)
    return costs
