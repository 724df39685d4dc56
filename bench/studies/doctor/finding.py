"""What was found, what follows from it, and what to do."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["good", "warning", "bad"]
"""`warning`: figures are right, and say less. `bad`: figures would mislead."""


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at."""

    subject: str
    """In a word or two."""
    observed: str
    """The state or the value that was found, with its unit."""
    level: Level = "good"
    consequence: str = ""
    """What it does to the figures; empty where all is good."""
    cure: str = ""
    """What to do or to type."""
