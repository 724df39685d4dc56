"""A user's workload file, opened for any command that measures or verifies it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accessors import DiscoveredBackend
from bench.cli.foreign_code import contained
from bench.cli.measurement import CommandOptions
from bench.cli.options import named
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo
from bench.studies.query.planning import taking
from bench.studies.query.preparation import Asked
from bench.studies.query.question import Subject
from bench.studies.query.script_files import workloads_of
from bench.studies.query.subjects import subjects_of
from bench.workloads import Workload

WORKLOAD_FILE_SCALE = 0.5
"""The rows of the quick profile, which a workload file reads if no database is named."""


@dataclass(frozen=True)
class Place:
    """The place where a command measures a workload file, and who measures."""

    backends: Mapping[str, DiscoveredBackend]
    named_backends: bool
    """Whether the user named the backends, so that one that is left out is an error."""
    dataset: Dataset
    options: CommandOptions

    def asked(self, files: Sequence[str], clients: int = 1) -> Asked:
        """Return how the file is asked. `clients`: the largest concurrency."""
        return Asked(
            sql="",
            seed=self.dataset.seed,
            clients=clients,
            database_url=self.options.database_url,
            admin_url=self.options.admin_url,
            dataset=self.dataset,
            unprotected=True,
            timeout_s=self.options.timeout_s,
            files=tuple(files),
        )


def declared_in(files: Sequence[str], timeout_s: float) -> tuple[Path, list[Workload]]:
    """Return the first file, and the workloads that it declares.

    `files`: a file of Python, or scripts of pgbench, each with its weight if it has one. Raises
    `UsageError` for a file that cannot be measured.
    """
    with contained(timeout_s):
        return workloads_of(files)


def chosen_of(path: Path, declared: Sequence[Workload], names: Sequence[str]) -> list[Workload]:
    """Return the workloads of these names, or all if there are none. Raises `UsageError`."""
    known = [workload.name for workload in declared]
    wanted = named("workload", names, known, str(path)) or known
    return [workload for workload in declared if workload.name in wanted]


def one_of(path: Path, declared: Sequence[Workload], name: str | None, command: str) -> Workload:
    """Return the workload of this name, or the only one. Raises `UsageError`."""
    if name is None and len(declared) > 1:
        known = ", ".join(workload.name for workload in declared)
        raise UsageError(
            f"{path} declares {len(declared)} workloads, and {command} measures one.\n"
            f"Choose it with --workload: {known}."
        )
    return chosen_of(path, declared, [] if name is None else [name])[0]


def check_transactions(workloads: Sequence[Workload]) -> None:
    """Raise `UsageError` for --transactions with a unit of work, which begins and ends its own."""
    if any(workload.units for workload in workloads):
        raise UsageError(
            "--transactions is not for units of work, which begin and end their own.\n"
            "Leave it out, or choose a workload of reads with --workload."
        )


def check_rates(workloads: Sequence[Workload], what: str) -> None:
    """Raise `UsageError` for an arrival rate of clients that wait. `what`: the option."""
    if any(workload.think_s for workload in workloads):
        raise UsageError(
            f"{what} is not for a workload with think_s: a rate says when operations arrive.\n"
            "Leave it out, or choose another workload with --workload."
        )


def check_cluster(workloads: Sequence[Workload]) -> None:
    """Raise `UsageError` for --scheduler with a workload that makes a database of its own."""
    if any(workload.setup is not None for workload in workloads):
        raise UsageError(
            "--scheduler is not for a workload with setup=: the workers know the database of"
            " their DATABASE_URL only.\n"
            "Leave it out, or prepare that database yourself and take setup= out."
        )


@contextmanager
def opened(
    path: Path, chosen: Sequence[Workload], place: Place, *, clients: int, files: Sequence[str] = ()
) -> Iterator[tuple[list[Subject], dict[str, DiscoveredBackend]]]:
    """Give the workloads with their databases, and the backends that take one of them.

    Databases that are made are dropped at the end. `clients`: the largest concurrency. `files`: the
    values of --workload-file, for the header. Raises `UsageError` for a workload that is refused,
    and `BenchError` for a database that cannot be made.
    """
    with subjects_of(place.asked(files, clients), path, chosen) as subjects:
        yield subjects, taken_backends(path, subjects, place)


def taken_backends(
    path: Path, subjects: Sequence[Subject], place: Place
) -> dict[str, DiscoveredBackend]:
    """Return the backends that take one of the workloads. Raises `UsageError` if none does."""
    taken, others = taking(place.backends, subjects)
    if not taken or (place.named_backends and others):
        missing = others[0] if others else "no backend"
        raise UsageError(
            f"{missing} has no form of every read, or no function of every unit, in {path}.\n"
            "Give each read an orm= for it and each unit a function, or choose other backends with"
            " --backend."
        )
    if any(not subject.units for subject in subjects):
        for name in (name for name in others if name.startswith("orm")):
            echo(f"left out: {name} (a read has no orm=)", err=True)
    return taken
