"""The machines that the clients of a run are on: this one, or those of a Dask cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING

from bench.model.run_config import RunConfig
from bench.results.header import ClientMachine
from bench.server.database import Database

if TYPE_CHECKING:
    from bench.cluster.cluster_pool import ClusterPool


@contextmanager
def client_machines(config: RunConfig, database: Database) -> "Iterator[ClusterPool | None]":
    """Give the worker pool of the config's scheduler for the block; None without a scheduler.

    Raises `BenchError` if the scheduler or its workers cannot be used.
    """
    if not config.scheduler:
        yield None
        return
    from bench.cluster.scheduler import cluster

    owners = packages_distributions()
    packages = {
        owners[module][0]
        for found in config.backends.values()
        if found.backend
        for module in found.backend.requires
        if module in owners
    }
    numbers = {
        name: number
        for case in config.plan.everything
        for number, name in enumerate(case.process_names)
    }
    with cluster(config.scheduler, database, numbers, packages, guard=config.guard) as pool:
        yield pool


def machines_of(pool: "ClusterPool | None") -> tuple[ClientMachine, ...]:
    """Return the machines of a cluster's workers, for the header."""
    if pool is None:
        return ()
    from bench.cluster.machine import together

    return together([place.facts for place in pool.places])
