"""The folder of the project's own files."""

import os
from pathlib import Path


def home() -> Path:
    """Return the folder of `results/` and of the embedded server's data.

    It is `GATHERBENCH_HOME` if that is set, else the checkout that this file belongs to. For a
    package that is installed outside of a checkout, it is the current folder.
    """
    if chosen := os.environ.get("GATHERBENCH_HOME"):
        return Path(chosen).absolute()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()
