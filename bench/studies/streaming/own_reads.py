"""The cases of the streaming experiment for reads of the user's own."""

from collections.abc import Mapping
from dataclasses import replace

from accessors import Found
from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.plan import Plan
from bench.model.profiles import SQLALCHEMY_ON_PSYCOPG
from bench.studies.streaming.plan import (
    CONCURRENCY,
    CONCURRENT_ROWS,
    FURTHER_WAYS,
    LARGE_WAYS,
    LONE_SIZES,
    PLAIN_WAYS,
    QUICK_BACKENDS,
    QUICK_WAYS,
    REPEATED,
    RUN_SIZES,
    STREAMING,
    STREAMING_QUICK,
    cases_of,
)

LEAST_ROWS = 20
"""The fewest rows of a read that can be streamed to any effect: the proof stops after ten."""


def plan_of_reads(
    reads: Mapping[str, int], backends: Mapping[str, Found], *, quick: bool, most_rows: int
) -> Plan:
    """Return the cases of these reads: name -> its number of rows.

    Sizes below the read's own are its first rows, by LIMIT. At most `most_rows` rows are read.

    Raises `UsageError` for a read of too few rows.
    """
    for name, rows in reads.items():
        if rows < LEAST_ROWS:
            raise UsageError(
                f"the read {name} returns {rows} row{'' if rows == 1 else 's'} for its first"
                f" arguments, and streaming is measured from {LEAST_ROWS} on.\n"
                "Choose other reads with --workload, or arguments that return more rows."
            )
    own = {name: found.backend for name, found in backends.items() if found.backend}
    chosen = {
        name: backend
        for name, backend in own.items()
        if name in QUICK_BACKENDS or not quick or len(own) <= len(QUICK_BACKENDS)
        if name not in SQLALCHEMY_ON_PSYCOPG or len(own) <= len(SQLALCHEMY_ON_PSYCOPG)
    } or own
    rounds: dict[Case, int] = {}
    alone: list[Case] = []
    proofs: list[Case] = []
    for name, of_read in reads.items():
        rows = min(of_read, most_rows)
        sizes = [size for size in RUN_SIZES if size < rows]
        sizes += [rows] if rows <= RUN_SIZES[-1] else []
        some = LONE_SIZES[0] if rows > 2 * LONE_SIZES[0] else max(1, rows // 2)
        ways = QUICK_WAYS if quick else FURTHER_WAYS
        rounds |= dict.fromkeys(cases_of(chosen, [name], PLAIN_WAYS, sizes[-1:]), REPEATED)
        rounds |= dict.fromkeys(cases_of(chosen, [name], PLAIN_WAYS, sizes[:-1]), 1)
        rounds |= dict.fromkeys(cases_of(chosen, [name], ways, sizes[-1:]), 1)
        if not quick and rows >= CONCURRENT_ROWS:
            together = cases_of(chosen, [name], PLAIN_WAYS, (CONCURRENT_ROWS,), CONCURRENCY)
            rounds |= dict.fromkeys(together, 1)
        alone += cases_of(chosen, [name], PLAIN_WAYS, (some, rows))
        if not quick:
            alone += cases_of(chosen, [name], LARGE_WAYS, (rows,))
        proofs += cases_of(chosen, [name], (*PLAIN_WAYS, *ways), (rows,))
    return Plan(
        replace(STREAMING_QUICK if quick else STREAMING, leaves_out=""),
        tuple(rounds),
        memory_cases=tuple(dict.fromkeys(alone)),
        probes={"proof": tuple(dict.fromkeys(proofs))},
        fewer_rounds=rounds,
    )
