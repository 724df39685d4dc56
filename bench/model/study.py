"""Studies: questions with a plan of their own, each a package that an entry point names.

The core asks `studies()` and knows none by name: another study joins by its entry point alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

ENTRY_POINTS = "gatherbench.studies"
"""The entry point group of studies. Each entry point names a `Study`."""


@dataclass(frozen=True)
class Probe:
    """A measurement of one case beside the rounds: once, in a process that does nothing else."""

    name: str
    """The stage of the run, as the progress listener hears it."""
    work: str
    """The function, `module:function`, from a `Job` to an entry of the file."""
    seconds: float
    """Roughly the time that it takes. Only the estimate of the time left depends on it."""

    @property
    def function(self) -> Any:
        """The function that `work` names, imported on use."""
        return imported(self.work)


@dataclass(frozen=True)
class Study:
    """A study, as the core sees it. Functions are named, `module:function`, and imported on use."""

    name: str
    profiles: Mapping[str, str] = field(default_factory=dict)
    """The names of its profiles, and the command that measures each."""
    plain_run: str = ""
    """The `bench run` that is nearest to the question and takes `--rounds`."""
    warned: bool = False
    """Whether its figures rest on rounds, so that the warnings about rounds are shown."""
    probes: tuple[Probe, ...] = ()
    probes_of_runs: str = ""
    """The function from a run's cases and its backends to the cases of each probe, by name: every
    run includes these. Empty where no run does."""
    entries: tuple[str, ...] = ()
    """The classes that read its lines of a results file, `module:class`: subclasses of
    `bench.results.schema.EntryLine`."""
    findings: str = ""
    """The function from results and selection to the findings of its topic."""
    charts: str = ""
    """The function from results, summaries and subject to pairs of a name and a figure."""
    table: str = ""
    """The function from results and summaries to what the terminal shows at the end."""
    report: str = ""
    """The function from results, summaries and subject to a section of the page, or None."""

    def call(self, function: str, *arguments: Any) -> Any:
        """Call one of the functions above."""
        return imported(function)(*arguments)


def imported(name: str) -> Any:
    """Return the object that a study names as `module:name`. Nothing else imports them."""
    return resolve_name(name)


@cache
def studies() -> tuple[Study, ...]:
    """Return every installed study, by name."""
    found = entry_points(group=ENTRY_POINTS)
    return tuple(sorted((point.load() for point in found), key=lambda study: study.name))


def study_of(profile: object) -> Study | None:
    """Return the study that a profile belongs to; None for a profile of `bench run`."""
    return next((study for study in studies() if profile in study.profiles), None)


def probes() -> dict[str, Probe]:
    """Return every probe of every study, by name."""
    return {probe.name: probe for study in studies() for probe in study.probes}
