"""The reads of a user's workload file, whose ways of fetching `bench streaming` measures."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.cli.foreign_code import contained
from bench.cli.options import named
from bench.cli.workload_file import Place, taken_backends
from bench.model.connect import Setting
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo
from bench.studies.query import measurement
from bench.studies.query.subjects import reads_of
from bench.studies.query.workload_file import workloads_in
from bench.studies.streaming.own_reads import plan_of_reads
from bench.studies.streaming.plan import connected
from bench.workloads import Read, Workload


def stream_workload_file(
    file: Path,
    reads: Sequence[str],
    place: Place,
    settings: Sequence[Setting],
    *,
    quick: bool,
    most_rows: int,
) -> None:
    """Measure the ways of fetching of every read of the file, or of those in `reads`.

    Raises `UsageError` for a file that cannot be measured, and `BenchError` for a failed run.
    """
    with contained(place.options.timeout_s):
        workloads = workloads_in(file)
    owners = {part.name: (part, w) for w in reversed(workloads) for part in w.parts}
    declared = {n: (part, w) for n, (part, w) in owners.items() if isinstance(part, Read)}
    wanted = named("read", reads, declared, str(file)) or list(declared)
    if not wanted:
        raise UsageError(
            f"{file} declares no read.\nDeclare one: from bench.workloads import Read."
        )
    asked = place.asked((str(file),))
    chosen_reads = dict(_streamable(*declared[name]) for name in wanted)
    with reads_of(asked, file, chosen_reads) as subjects:
        chosen = taken_backends(file, subjects, place)
        sizes = {subject.name: subject.rows for subject in subjects}
        planned = plan_of_reads(sizes, chosen, quick=quick, most_rows=most_rows)
        planned = connected(planned, chosen, settings)
        config = place.options.config(
            planned,
            {case.backend: chosen[case.backend] for case in planned.everything},
            place.dataset,
            connect=settings,
        )
        place.options.carry_out(
            config,
            f"streaming-{file.stem}",
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
