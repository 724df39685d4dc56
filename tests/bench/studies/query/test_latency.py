"""`bench query --latency`: a network between a statement of the user's own and its server."""

from bench.model.link import Link
from bench.results import file
from bench.studies.network.entries import RoundTrips
from bench.studies.query.planning import plainest
from tests.bench.command import Bench

SHORT = ("--rounds=1", "--seconds=0.02", "--concurrency=1", "--no-charts")


def test_a_statement_over_a_network(bench: Bench) -> None:
    """Forbids that only built-in reads are measured over a network, or counted."""
    names = ("psycopg2", "asyncpg", "pg8000", "psqlpy")
    done = bench(
        "query", "SELECT $1::int AS n", "--arguments=1..50",
        *[f"--backend={name}" for name in names],
        "--latency=0,1ms,1000us", *SHORT, f"--out={bench.out}",
    )  # fmt: skip
    assert done.code == 0, done
    assert "at 1, 1ms to the server" in done.out
    results = file.load(bench.out)
    links = {case.link for case in results.header.plan}
    assert links == {Link(), Link(1_000_000)}
    trips = {e.case.backend: e.per_operation for e in results.probed_as(RoundTrips)}
    assert trips == {"psycopg2": 1, "asyncpg": 1, "pg8000": 3, "psqlpy": 1}
    plain = plainest(results.header.plan)
    assert {case.link for case in plain} == {Link()}, "a wait for the network is no layer's time"
    assert {case.backend for case in plain} == set(names)
