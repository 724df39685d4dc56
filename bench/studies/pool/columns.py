"""The columns that the pool study adds to summary.csv."""

from collections.abc import Mapping
from dataclasses import replace

from bench.model.case import Case
from bench.results.file import Results
from bench.studies.pool.entries import PoolWaits


def columns(results: Results) -> dict[str, Mapping[Case, float]]:
    """Return the watched waits by the case of the rounds; none if the run watched no pool."""
    watched = {
        replace(entry.case, pool=replace(entry.case.pool, timeout_s=None)): entry
        for entry in results.probed_as(PoolWaits)
    }
    if not watched:
        return {}
    figures: dict[str, Mapping[Case, float | None]] = {
        "pool_wait_p50_ns": {case: entry.wait_p50_ns for case, entry in watched.items()},
        "pool_wait_p99_ns": {case: entry.wait_p99_ns for case, entry in watched.items()},
        "pool_wait_mean_ns": {case: entry.wait_mean_ns for case, entry in watched.items()},
        "pool_waiting_share": {case: entry.waiting_share for case, entry in watched.items()},
        "pool_fewest_operations": {
            case: entry.fewest_operations for case, entry in watched.items()
        },
        "pool_most_operations": {case: entry.most_operations for case, entry in watched.items()},
        "pool_checkouts": {case: entry.checkouts for case, entry in watched.items()},
        "pool_timeouts": {case: entry.timeouts for case, entry in watched.items()},
        "pool_connections_opened": {case: entry.opened for case, entry in watched.items()},
        "pooler_wait_ns": {case: entry.pooler_wait_ns for case, entry in watched.items()},
        "pooler_connections": {case: entry.pooler_connections for case, entry in watched.items()},
    }
    return {
        name: {case: value for case, value in by_case.items() if value is not None}
        for name, by_case in figures.items()
    }
