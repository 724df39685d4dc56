"""The options of `bench gate`, and the config of a measurement with them and a reference's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accessors import DiscoveredBackend
from bench.cli.measurement import CommandOptions
from bench.model.dataset import Dataset
from bench.model.run_config import RunConfig

if TYPE_CHECKING:
    from bench.model.plan import Plan
    from bench.model.profiles import Profile
    from bench.results.header import Header


@dataclass(frozen=True)
class GateOptions:
    """The options of `bench gate` that decide what is measured."""

    backends: tuple[str, ...]
    backend_modules: tuple[str, ...]
    workloads: tuple[str, ...]
    rounds: int | None
    seconds: float | None
    database_url: str | None
    admin_url: str | None
    workload_files: tuple[str, ...]
    timeout_s: float
    verify: bool
    quiet: bool

    def as_in(self, header: "Header") -> CommandOptions:
        """Return the options that other measuring commands have, too; pinned as the reference."""
        return CommandOptions(
            self.database_url,
            self.admin_url,
            self.timeout_s,
            quiet=self.quiet,
            pin="if possible" if header.pinned else "no",
        )


def config_of(
    header: "Header", plan: "Plan", backends: Mapping[str, DiscoveredBackend], options: GateOptions
) -> RunConfig:
    """Return the config of a measurement of the gate: that of the reference, where it has one."""
    return options.as_in(header).config(
        plan,
        backends,
        dataset_of(header, plan.profile),
        verify=options.verify,
        guard=bool(header.session_guard),
        connect=header.connect or (),
    )


def dataset_of(header: "Header", profile: "Profile") -> Dataset:
    """Return the dataset of the profile with the reference's seed."""
    return Dataset(profile.scale, 1 if header.dataset.seed is None else int(header.dataset.seed))
