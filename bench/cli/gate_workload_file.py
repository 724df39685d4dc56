"""A user's workload file, measured again by `bench gate` as a reference measured it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from accessors import DiscoveredBackend
from bench.cli.gate_options import GateOptions, config_of, dataset_of
from bench.cli.workload_file import Place, chosen_of, declared_in, opened
from bench.model.errors import UsageError
from bench.model.plan import plan_of_cases, with_enough_sets
from bench.studies.query import measurement

if TYPE_CHECKING:
    from bench.model.case import Case
    from bench.model.profiles import Profile
    from bench.results.header import Header


def measure_file(
    header: "Header",
    cases: "Sequence[Case]",
    options: GateOptions,
    profile: "Profile",
    backends: Mapping[str, DiscoveredBackend],
    name: str,
) -> Path:
    """Measure these cases of the file's workloads, and return the results folder.

    `header`: that of the reference. `name` ends the name of the folder.

    Raises `UsageError` for a file that has not these workloads or cannot be measured, and
    `BenchError` if a run fails.
    """
    path, declared = declared_in(options.workload_files, options.timeout_s)
    chosen = chosen_of(path, declared, list(dict.fromkeys(case.workload for case in cases)))
    place = Place(backends, False, dataset_of(header, profile), options.as_in(header))
    # The arguments are drawn for all clients of the reference, so that these are the same.
    clients = max(case.concurrency for case in header.plan)
    with opened(path, chosen, place, clients=clients, files=options.workload_files) as opening:
        subjects, taken = opening
        for case in cases:
            subject = next(subject for subject in subjects if subject.name == case.workload)
            found = backends[case.backend].backend
            if found is None or not subject.taken_by(found):
                raise UsageError(
                    f"{case.backend} takes {case.workload} in the reference, but not in {path}.\n"
                    "Give it that form again, or choose other backends with --backend."
                )
        plan = with_enough_sets(plan_of_cases(profile, taken, cases))
        config = config_of(header, plan, taken, options)
        return place.options.carry_out(
            config, name, shown=False, measured=partial(measurement.measure, subjects)
        )
