"""The connections that a run needs: what the server has to admit before anything is measured."""

from dataclasses import replace

from accessors import discover
from bench.execution.capacity import most_connections
from bench.model.dataset import Dataset
from bench.model.plan import plan
from bench.model.profiles import PROFILES, Factors
from bench.model.run_config import RunConfig


def config(*backends: str, concurrency: int) -> RunConfig:
    known = discover()
    chosen = {name: known[name] for name in backends}
    made = plan(PROFILES["smoke"], chosen, Factors(concurrency=(1, concurrency)))
    return RunConfig(made, chosen, Dataset(), "", verify=False)


def test_backends_in_memory_need_no_connection() -> None:
    """1,000 clients of the null backend were refused: the server had not as many connections."""
    asked = config("null", "null-async", concurrency=1000)
    assert most_connections(asked) == 0
    assert most_connections(replace(asked, verify=True)) == 2


def test_the_largest_case_that_asks_a_server_counts() -> None:
    """A plan of 512 clients was refused by the embedded server, which had 200 connections."""
    assert most_connections(config("null", "asyncpg", concurrency=512)) == 512
