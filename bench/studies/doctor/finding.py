"""A diagnosis: what was observed, its consequence, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["good", "warning", "bad"]
"""`warning`: figures are right, but less precise. `bad`: figures would mislead."""


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check."""

    subject: str
    """The subject, in one or two words."""
    observed: str
    """The state or the value that was found, with its unit."""
    level: Level = "good"
    consequence: str = ""
    """The effect on the figures. Empty if the level is `good`."""
    cure: str = ""
    """The action that helps, or the command to type."""
