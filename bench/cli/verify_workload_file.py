"""A user's workload file, verified by `bench verify` on every backend that takes it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.cli.workload_file import Place, chosen_of, declared_in, opened
from bench.model.profiles import Factors
from bench.output.terminal.safe_text import echo
from bench.server.drivers import drivers_of
from bench.server.resolution import resolve
from bench.studies.query.planning import planned
from bench.studies.query.room import check_room
from bench.studies.query.verification import verification
from bench.verification.verify import FETCHES

if TYPE_CHECKING:
    from bench.model.connect import Setting


def verify_workload_file(
    files: Sequence[str], workloads: Sequence[str], settings: "Sequence[Setting]", place: Place
) -> bool:
    """Compare every read, in every way of fetching, and what every unit of work returns.

    Prints an outcome for each backend and each unit. Returns whether all are right. Raises
    `UsageError` for a file that cannot be verified, and `BenchError` for a unit of work that fails,
    leaves a transaction open, or returns another value on another backend.
    """
    path, declared = declared_in(files, place.options.timeout_s)
    chosen = chosen_of(path, declared, workloads)
    with opened(path, chosen, place, clients=1, files=files) as (subjects, taken):
        check_room(subjects, FETCHES, (1,))
        factors = Factors(fetches=FETCHES, concurrency=(1,), connect=tuple(settings))
        config = place.options.config(
            plan=planned(subjects, taken, factors),
            backends=taken,
            dataset=place.dataset,
        )
        database = resolve(
            place.options.database_url,
            drivers_of(taken.values()),
            admin_url=place.options.admin_url,
        )
        right = True
        with verification(subjects, config, database) as checks:
            for backend, checked in checks.check().items():
                if checked.difference:
                    right = False
                    echo(f"{'differs':8}{backend:20}{checked.difference}")
                elif checked.checks:
                    echo(f"{'ok':8}{backend:20}all {checked.checks} answers are the same")
            for unit, backends in checks.check_units().items():
                echo(f"{'ok':8}{unit:20}the same on {', '.join(backends)}")
    return right
