"""The run config: a plan, and everything that decides how it is carried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from accessors import DiscoveredBackend
from bench.model.dataset import Dataset
from bench.model.plan import Plan
from bench.model.timeout import TIMEOUT_S

LEAST_GENERATIONS = 2
"""The fewest sets of worker processes in a run with a budget. A difference must show in so many."""


Pin = Literal["no", "if possible", "yes"]
"""Whether clients and server have processors of their own while they are measured."""


@dataclass(frozen=True)
class RunConfig:
    """A plan, the backends and the dataset that it is for, and the options of the run."""

    plan: Plan
    backends: Mapping[str, DiscoveredBackend]
    dataset: Dataset
    label: str = ""
    verify: bool = True
    remember: bool = True
    """Whether a backend whose result is remembered is not verified again, nor its round trips
    counted again."""
    timeout_s: float = TIMEOUT_S
    command: str = ""
    """The command line as it was typed, without secrets."""
    budget_s: float | None = None
    """Seconds for all turns, in place of the profile's rounds."""
    guard: bool = False
    """Whether session_guard watches every session while it is timed."""
    pin: Pin = "no"
    connect: tuple[str, ...] = ()
    """The settings of `--connect`, as they were given."""
    scheduler: str = ""
    """The Dask scheduler whose workers have the clients; empty: this machine has them."""
