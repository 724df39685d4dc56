"""`bench verify`: check that all backends give the same answers."""

from functools import partial

import click

from bench.cli.connect_options import connect_option, settings
from bench.cli.options import (
    admin_url_option,
    backend_options,
    choose_backends,
    database_url_option,
    dataset_options,
    timeout_option,
    workload_files_option,
    workload_option,
)
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo


@click.command()
@backend_options
@workload_files_option("Verify the workloads")
@workload_option
@partial(dataset_options, scale="1; for a workload file 0.5")
@database_url_option
@admin_url_option
@partial(connect_option, several="verified one after the other")
@timeout_option
def verify(
    backends: tuple[str, ...],
    backend_modules: tuple[str, ...],
    workload_files: tuple[str, ...],
    workloads: tuple[str, ...],
    scale: float | None,
    seed: int,
    database_url: str | None,
    admin_url: str | None,
    connect: tuple[str, ...],
    timeout: float,
) -> int:
    """Compare every read, in every way of fetching, and the effect of every write, row by row.

    The expected answers come from the server itself. The exit code is 1 if a backend differs.
    Of a workload file, the values that a unit of work returns must be the same on every backend.

    \b
    Examples:
      bench verify
      bench verify --backend orm+asyncpg --scale 0.1
      bench verify --backend psycopg --connect psycopg.prepare_threshold=none
      bench verify --workload-file shop.py --workload orders
    """
    from bench.dataset import loading as rows
    from bench.dataset import lock
    from bench.execution.behind_pooler import ways_behind
    from bench.measure.worker_pool import WorkerPool
    from bench.server.drivers import drivers_of
    from bench.server.pooler import detect
    from bench.server.resolution import resolve
    from bench.verification.verify import FETCHES, VerificationResult
    from bench.verification.verify import verify as verify_all

    def tell(verdict: VerificationResult) -> None:
        outcome = verdict.difference or f"all {verdict.checks} answers and writes are the same"
        echo(f"{'differs' if verdict.difference else 'ok':8}{verdict.backend:20}{outcome}")

    chosen = choose_backends(backends, backend_modules, timeout)
    taken = settings(connect, chosen.values())
    if workload_files:
        from bench.cli.measurement import CommandOptions
        from bench.cli.verify_workload_file import verify_workload_file
        from bench.cli.workload_file import WORKLOAD_FILE_SCALE, Place

        place = Place(
            chosen,
            bool(backends),
            Dataset(WORKLOAD_FILE_SCALE if scale is None else scale, seed),
            CommandOptions(database_url, admin_url, timeout),
        )
        return 0 if verify_workload_file(workload_files, workloads, taken, place) else 1
    if workloads:
        raise UsageError(
            "--workload chooses among the workloads of a file; all functions are verified.\n"
            "Leave it out, or name the file with --workload-file."
        )
    dataset = Dataset(1.0 if scale is None else scale, seed)
    database = resolve(database_url, drivers_of(chosen.values()), admin_url=admin_url)
    pooler = detect(database)
    ways = ways_behind(pooler, taken, chosen, database, FETCHES)
    chosen = {name: chosen[name] for name in ways}
    with lock.held(database) as held, WorkerPool() as worker_pool:
        rows.ensure(held.connection, dataset)
        verdicts = verify_all(
            worker_pool,
            held,
            database,
            dataset,
            chosen,
            on_verdict=tell,
            timeout_s=timeout,
            ways=ways,
            transactions=pooler is None or pooler.mode != "statement",
        )
    return 1 if any(verdict.difference for verdict in verdicts) else 0
