"""The checkout that the tests belong to."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
