"""Studies: questions with a plan of their own, each a package that an entry point names.

The core calls `studies()` and knows no study by name. Another study needs only an entry point.
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
    """A measurement outside the rounds, once for each case."""

    name: str
    """The name of the stage, for the progress listener."""
    work: str
    """The function from a `Job` to an entry of the file, as `module:function`."""
    seconds: float
    """The approximate duration for one case. It is used only to estimate the remaining time."""
    alone: bool = True
    """Whether it needs a new process. If not, it is measured in the process of its backend."""
    by_proxy: bool = False
    """Whether it connects through a proxy. A case whose driver cannot is left out."""
    lasting: bool = False
    """Whether equal code, rows and server give equal results, so that they are remembered. The
    line then has a field `remembered`."""
    own_session: bool = False
    """Whether it watches the backend's server session, which a pooler gives to others too."""

    @property
    def function(self) -> Any:
        """The function that `work` names, imported on use."""
        return imported(self.work)


@dataclass(frozen=True)
class Study:
    """A study, as the core sees it. It names functions as `module:function`, imported on use."""

    name: str
    profiles: Mapping[str, str] = field(default_factory=dict)
    """The names of its profiles -> the command that measures each."""
    plain_run: str = ""
    """The `bench run` command that is closest to the question and accepts `--rounds`."""
    warned: bool = False
    """Whether its figures rest on rounds, so that the warnings about rounds are shown."""
    probes: tuple[Probe, ...] = ()
    probes_of_runs: str = ""
    """The function from a run's cases and backends to the cases of each probe, by the probe's name.
    Every run includes these probes. Empty if the study adds none."""
    entries: tuple[str, ...] = ()
    """The classes that read its lines of a results file, `module:class`: subclasses of
    `bench.results.schema.EntryLine`."""
    findings: str = ""
    """The function from results and selection to the findings of its topic."""
    columns: str = ""
    """The function from results to its figures of cases: name of the column in `summary.csv` ->
    case -> value. Cases without the figure are left out."""
    charts_of_runs: str = ""
    """The function, like that of `charts`, to charts for the runs of every profile."""
    charts: str = ""
    """The function from results, summaries and selection to pairs of a name and a figure."""
    table: str = ""
    """The function from results and summaries to the table that the terminal shows at the end."""
    report: str = ""
    """The function from results, summaries and selection to a section of the report, or None."""

    def call(self, function: str, *arguments: Any) -> Any:
        """Call one of the functions above."""
        return imported(function)(*arguments)


def imported(name: str) -> Any:
    """Return the object that a study names as `module:name`. Nothing else imports them."""
    return resolve_name(name)


@cache
def studies() -> tuple[Study, ...]:
    """Return every installed study, by name."""
    points = entry_points(group=ENTRY_POINTS)
    return tuple(sorted((point.load() for point in points), key=lambda study: study.name))


def study_of(profile: object) -> Study | None:
    """Return the study that a profile belongs to; None for a profile of `bench run`."""
    return next((study for study in studies() if profile in study.profiles), None)


def probes() -> dict[str, Probe]:
    """Return every probe of every study, by name."""
    return {probe.name: probe for study in studies() for probe in study.probes}
