"""The measurements of `bench gate`: the cases of a reference, measured as the reference was."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.gate_options import GateOptions, config_of
from bench.cli.options import choose_backends, named
from bench.cli.workload_file import WORKLOAD_FILE_SCALE
from bench.model.errors import UsageError
from bench.model.plan import plan_of_cases, with_enough_sets
from bench.model.profiles import PROFILES, Profile
from bench.studies.query.planning import SECONDS, WARM_UP_S

if TYPE_CHECKING:
    from bench.model.case import Case
    from bench.results.header import Header


def chosen_cases(header: "Header", options: GateOptions) -> "list[Case]":
    """Return the cases of the reference that the options choose, without twins.

    Raises `UsageError` if none is left, or a name is in no case of the reference.
    """
    cases = [case for case in header.plan if not case.twin]
    shown_by = "bench charts REFERENCE"
    for kind, names in (("backend", options.backends), ("workload", options.workloads)):
        known = dict.fromkeys(getattr(case, kind) for case in cases)
        chosen = named(kind, names, known, shown_by)
        cases = [case for case in cases if not chosen or getattr(case, kind) in chosen]
    if not cases:
        raise UsageError(
            "the reference has no case with these backends and workloads.\n"
            "Leave --backend or --workload out."
        )
    return cases


def measure(
    header: "Header", cases: "Sequence[Case]", options: GateOptions, name: str, times: int = 1
) -> Path:
    """Measure these cases as the reference did, and return the results folder.

    `times` multiplies the rounds. `name` ends the name of the folder. Raises `UsageError` if the
    reference cannot be measured again here, and `BenchError` if a run fails.
    """
    _check_source(header, cases, options)
    names = list(dict.fromkeys(case.backend for case in cases))
    profile = _profile(header, options, times)
    found = choose_backends(names, options.backend_modules, options.timeout_s)
    if options.workload_files:
        from bench.cli.gate_workload_file import measure_file

        return measure_file(header, cases, options, profile, found, name)
    plan = with_enough_sets(plan_of_cases(profile, found, cases))
    config = config_of(header, plan, found, options)
    return options.as_in(header).carry_out(config, name, shown=False)


def _check_source(header: "Header", cases: "Sequence[Case]", options: GateOptions) -> None:
    """Raise `UsageError` if the reference measured on a cluster, a file that is not named, or none.

    A path in a results file is never imported by itself: it would be code of that file's choice.
    """
    if header.cluster:
        raise UsageError(
            "the clients of the reference ran on a cluster, and bench gate measures on this"
            " machine.\nCompare two runs of the cluster: bench run --scheduler, then bench compare"
            " --fail-on 10%."
        )
    own = {case.workload for case in cases} & header.statements.keys()
    if own and not options.workload_files:
        files = [file for name in sorted(own) for file in header.statements[name].files]
        given = " ".join(f"--workload-file {shlex.quote(file)}" for file in dict.fromkeys(files))
        raise UsageError(
            f"the reference measured {', '.join(sorted(own))}, which bench has not built in.\n"
            + (f"Add {given}." if files else "Declare it in a file, and name it: --workload-file.")
        )
    if options.workload_files and not own:
        raise UsageError(
            "the reference measured no workload of a file.\nLeave --workload-file out, or make a"
            " reference with: bench run --workload-file FILE --label reference"
        )


def _profile(header: "Header", options: GateOptions, times: int) -> "Profile":
    profile = PROFILES.get(header.profile or "")
    rounds, seconds = options.rounds or header.rounds, options.seconds or header.seconds
    scale = header.dataset.scale
    if options.workload_files and header.profile == "query":
        profile = Profile("query", "", (), rounds=1, seconds=SECONDS, warm_up_s=WARM_UP_S)
        scale = scale or WORKLOAD_FILE_SCALE  # unknown for a database of the user's own
    if profile is None or rounds is None or seconds is None or scale is None:
        raise UsageError(
            "the reference is no run of `bench run`, so it cannot be measured again.\n"
            f"Its profile is {header.profile!r}. Make a reference with: bench run --label reference"
        )
    return replace(
        profile,
        rounds=rounds * times,
        seconds=seconds,
        warm_up_s=profile.warm_up_s if header.warm_up_s is None else header.warm_up_s,
        scale=scale,
    )
