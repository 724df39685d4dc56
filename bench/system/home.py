"""Where the project's own files live."""

import os
from pathlib import Path


def home() -> Path:
    """The folder that holds `results/` and the embedded server's data.

    `GATHERBENCH_HOME` if set; else the checkout that this file belongs to; else, for a package
    installed away from its checkout, the current folder.
    """
    if chosen := os.environ.get("GATHERBENCH_HOME"):
        return Path(chosen).absolute()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()
