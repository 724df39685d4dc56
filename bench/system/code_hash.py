"""A hash of packages' source files, by which results are found again while the code is the same."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType


@cache
def code_hash(*packages: ModuleType) -> str:
    """Return the SHA-256 of all source files of the packages, with their paths, in hexadecimal."""
    digest = sha256()
    for package in packages:
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()
