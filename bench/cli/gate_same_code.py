"""`--same-code` of `bench gate` and `bench compare`: further runs of the reference's code."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.model.errors import UsageError

if TYPE_CHECKING:
    from bench.analysis.compare.comparison import SummedUp
    from bench.model.case import Case
    from bench.results.header import Header

_DECIDES = (
    *("dataset.", "load_model", "pinned", "server.version"),
    *("python", "implementation", "gil", "gatherbench", "version of "),
)
"""The facts in which runs of the same code do not differ, by the beginnings of their names."""


def further_runs(
    base: "Header", folders: Sequence[Path], cases: "Collection[Case]"
) -> "list[SummedUp]":
    """Return the further runs of the reference's code, with these cases only.

    `base`: the header of the reference.
    Raises `UsageError` if there are too few of them to tell a spread, if the cases have a common
    ratio, which tells more, or if a run is another one's copy, of other code, or without a case.
    """
    from bench.analysis.compare.common_ratio import FEWEST_CASES
    from bench.analysis.compare.comparison import SummedUp, only, without_case
    from bench.analysis.compare.same_code import LEAST_RUNS
    from bench.results import file as results

    if not folders:
        return []
    if len(cases) >= FEWEST_CASES:
        raise UsageError(
            f"--same-code is for fewer than {FEWEST_CASES} cases, and these are {len(cases)}: their"
            " common ratio tells a slower machine.\nLeave --same-code out."
        )
    if len(folders) + 1 < LEAST_RUNS:
        raise UsageError(
            "one further run cannot tell how much runs differ by themselves.\n"
            "Name two or more: --same-code RUN --same-code RUN"
        )
    known = {base.created_at}
    further = []
    for folder in folders:
        run = results.load(folder)
        name = folder.resolve().name
        if run.header.created_at in known:
            raise UsageError(
                f"{name} is named twice, or a copy, and would not differ from itself.\n"
                "Name each run once, and the reference not again."
            )
        known.add(run.header.created_at)
        if apart := list(_other_code(base, run.header)):
            raise UsageError(
                f"{name} is of other code than the reference: {'; '.join(apart)}.\n"
                "Name runs of the same versions with --same-code."
            )
        if lacking := without_case(run, cases):
            raise UsageError(
                f"{name} has no {lacking[0].title}, which the gate compares.\n"
                "Name runs of the same cases with --same-code."
            )
        further.append(SummedUp.of(name, only(run, cases)))
    return further


def _other_code(base: "Header", other: "Header") -> "Iterator[str]":
    """Yield the versions and conditions that make a run one of other code."""
    from bench.analysis.compare.differences import differences

    for difference in differences([base, other]):
        if difference.what.startswith(_DECIDES):
            yield str(difference)
