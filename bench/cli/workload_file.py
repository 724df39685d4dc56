"""A user's workload file, opened for any command, and measured by `bench run` and others."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from accessors import DiscoveredBackend
from bench.analysis.stopping import Stopping
from bench.cli.budget_options import within
from bench.cli.foreign_code import contained
from bench.cli.measurement import carry_out, command_line, safe_name
from bench.cli.options import named
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.model.profiles import Factors
from bench.model.run_config import Pin, RunConfig
from bench.output.terminal.safe_text import echo
from bench.studies.query import measurement
from bench.studies.query.planning import CONCURRENCY, WARM_UP_S, planned, taking
from bench.studies.query.preparation import Asked
from bench.studies.query.question import Subject
from bench.studies.query.room import check_room
from bench.studies.query.script_files import workloads_of
from bench.studies.query.subjects import reads_of, subjects_of
from bench.studies.query.workload_file import workloads_in
from bench.workloads import Read, Workload

if TYPE_CHECKING:
    from bench.model.connect import Setting


WORKLOAD_FILE_SCALE = 0.5
"""The rows of the quick profile, which a workload file reads if no database is named."""


@dataclass(frozen=True)
class Place:
    """The place where a command measures a workload file, and who measures."""

    backends: Mapping[str, DiscoveredBackend]
    named_backends: bool
    """Whether the user named the backends, so that one that is left out is an error."""
    dataset: Dataset
    database_url: str | None
    admin_url: str | None
    timeout_s: float


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
    asked = Asked(
        sql="",
        seed=place.dataset.seed,
        clients=clients,
        database_url=place.database_url,
        admin_url=place.admin_url,
        dataset=place.dataset,
        unprotected=True,
        timeout_s=place.timeout_s,
        files=tuple(files),
    )
    with subjects_of(asked, path, chosen) as subjects:
        yield (
            subjects,
            taken_backends(path, subjects, place.backends, named_backends=place.named_backends),
        )


def run_workload_file(
    files: Sequence[str],
    backends: Mapping[str, DiscoveredBackend],
    factors: Factors,
    *,
    named_backends: bool,
    dataset: Dataset,
    database_url: str | None,
    admin_url: str | None,
    rounds: int | None,
    budget_s: float | None,
    seconds: float | None,
    warm_up_s: float | None,
    label: str,
    out: Path | None,
    timeout_s: float,
    verify: bool,
    guard: bool,
    charts: bool,
    quiet: bool,
    scheduler: str = "",
    pin: Pin = "no",
) -> None:
    """Verify and measure every workload of the file, or those that `factors` names.

    `files`: a file of Python, or scripts of pgbench, each with its weight if it has one.

    `named_backends`: whether the user named the backends, so that one that is left out is an error.

    Raises `UsageError` for a file that cannot be measured, and `BenchError` for a failed run.
    """
    path, declared = declared_in(files, timeout_s)
    chosen = chosen_of(path, declared, factors.workloads)
    if factors.transactions:
        check_transactions(chosen)
    if factors.rates:
        check_rates(chosen, "--rate")
    if scheduler:
        check_cluster(chosen)
    place = Place(backends, named_backends, dataset, database_url, admin_url, timeout_s)
    clients = max(factors.concurrency or CONCURRENCY)
    with opened(path, chosen, place, clients=clients, files=files) as (subjects, taken):
        concurrency, note = check_room(subjects, factors.fetches, factors.concurrency)
        if note:
            echo(note, err=True)
        asked_for = planned(
            subjects,
            taken,
            replace(factors, workloads=(), concurrency=concurrency),
            rounds=rounds,
            seconds=seconds,
            warm_up_s=WARM_UP_S if warm_up_s is None else warm_up_s,
        )
        stopping = None
        if budget_s is not None:
            _warn_of_renewals(path, subjects)
            asked_for = within(asked_for, budget_s, seconds)
            stopping = Stopping(asked_for.cases)
        config = RunConfig(
            plan=asked_for,
            budget_s=budget_s,
            backends=taken,
            dataset=dataset,
            label=label,
            verify=verify,
            timeout_s=timeout_s,
            command=command_line(database_url, admin_url=admin_url),
            connect=tuple(map(str, factors.connect)),
            guard=guard,
            scheduler=scheduler,
            pin=pin,
        )
        carry_out(
            config,
            database_url,
            out,
            name=safe_name(label) if label else safe_name(path.stem),
            quiet=quiet,
            charts=charts,
            admin_url=admin_url,
            stopping=stopping,
            measured=partial(measurement.measure, subjects, stopping=stopping),
        )


def _warn_of_renewals(path: Path, subjects: Sequence[Subject]) -> None:
    """Say which workloads spend a budget on new databases and not on operations."""
    for subject in subjects:
        if subject.kept and subject.kept.changes == "renewed":
            echo(
                f"warning: {subject.name} makes its database again after each turn, which can take"
                f" most of --budget: give it restore= in {path}",
                err=True,
            )


def stream_workload_file(
    path: Path,
    backends: Mapping[str, DiscoveredBackend],
    reads: Sequence[str],
    settings: "Sequence[Setting]",
    *,
    named_backends: bool,
    quick: bool,
    most_rows: int,
    database_url: str | None,
    admin_url: str | None,
    label: str,
    out: Path | None,
    timeout_s: float,
    charts: bool,
    quiet: bool,
) -> None:
    """Measure the ways of fetching of every read of the file, or of those in `reads`.

    Raises as `run_workload_file`.
    """
    from bench.studies.streaming.own_reads import plan_of_reads
    from bench.studies.streaming.plan import connected

    with contained(timeout_s):
        workloads = workloads_in(path)
    owners = {part.name: (part, w) for w in reversed(workloads) for part in w.parts}
    declared = {n: (part, w) for n, (part, w) in owners.items() if isinstance(part, Read)}
    wanted = named("read", reads, declared, str(path)) or list(declared)
    if not wanted:
        raise UsageError(
            f"{path} declares no read.\nDeclare one: from bench.workloads import Read."
        )
    asked = Asked(
        sql="",
        database_url=database_url,
        admin_url=admin_url,
        dataset=Dataset(WORKLOAD_FILE_SCALE),
        unprotected=True,
        timeout_s=timeout_s,
        files=(str(path),),
    )
    chosen_reads = dict(_streamable(*declared[name]) for name in wanted)
    with reads_of(asked, path, chosen_reads) as subjects:
        chosen = taken_backends(path, subjects, backends, named_backends=named_backends)
        sizes = {subject.name: subject.rows for subject in subjects}
        planned_cases = plan_of_reads(sizes, chosen, quick=quick, most_rows=most_rows)
        planned_cases = connected(planned_cases, chosen, settings)
        config = RunConfig(
            plan=planned_cases,
            backends={case.backend: chosen[case.backend] for case in planned_cases.everything},
            dataset=asked.dataset,
            label=label,
            timeout_s=timeout_s,
            command=command_line(database_url, admin_url=admin_url),
            connect=tuple(map(str, settings)),
        )
        carry_out(
            config,
            database_url,
            out,
            name=safe_name(label) if label else f"streaming-{safe_name(path.stem)}",
            quiet=quiet,
            charts=charts,
            admin_url=admin_url,
            measured=partial(measurement.measure, subjects),
        )


def _streamable(read: Read, workload: Workload) -> tuple[Read, Workload]:
    """Return the read with its workload, without a form of the ORM whose objects are no rows."""
    if read.orm is None or (read.orm_streamed is None and read.as_dict is None):
        return read, workload
    echo(
        f"left out: the ORM of {read.name} (an object stands for several rows, and sizes are rows)",
        err=True,
    )
    return replace(read, orm=None, orm_streamed=None, as_dict=None, rows_in=None), workload


def taken_backends(
    path: Path,
    subjects: Sequence[Subject],
    backends: Mapping[str, DiscoveredBackend],
    *,
    named_backends: bool,
) -> dict[str, DiscoveredBackend]:
    """Return the backends that take one of the workloads. Raises `UsageError` if none does."""
    taken, others = taking(backends, subjects)
    if not taken or (named_backends and others):
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
