"""Verification results that are remembered: equal code, rows and server give equal answers.

A result is found again by a hash of everything that it depends on. It is kept for the built-in
backends only: the code of another module may be anywhere.
"""

import json
import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import accessors
import bench.dataset
import bench.measure
import bench.verification
from accessors import BUILTIN, DiscoveredBackend
from bench.dataset.fingerprint import Fingerprint
from bench.model.fetch import Fetch
from bench.results import environment
from bench.system.home import home
from bench.system.output_files import write_text

if TYPE_CHECKING:
    import psycopg

MOST_KEPT = 500
"""The most results that are kept. The oldest are forgotten."""

_SERVER = """
    SELECT version(), current_database(), current_user, oid::text, inet_server_port()::text,
           (SELECT string_agg(name || '=' || setting, ';' ORDER BY name) FROM pg_settings
             WHERE source NOT IN ('default', 'override', 'session', 'client')
               AND name !~ 'application_name|file|directory|log')
      FROM pg_database WHERE datname = current_database()
"""


class RememberedResults:
    """The results of one dataset on one server, in `.gatherbench/verified.json`."""

    def __init__(
        self,
        connection: "psycopg.Connection[Any]",
        fingerprint: Fingerprint,
        backends: Mapping[str, DiscoveredBackend],
        fetches: Iterable[Fetch],
        path: Path | None = None,
    ) -> None:
        """`path`: the file, by default in the project's home."""
        self._path = path or home() / ".gatherbench" / "verified.json"
        server = [str(value) for value in connection.execute(_SERVER).fetchone() or ()]
        shared = [
            _code(),
            platform.python_version(),
            fingerprint.content,
            *server,
            *map(str, sorted(fetches)),
        ]
        versions = {name: facts.versions for name, facts in environment.describe(backends).items()}
        self._keys = {
            name: _hash([name, json.dumps(versions.get(name), sort_keys=True), *shared])
            for name, found in backends.items()
            if BUILTIN.get(name) == found.module and found.backend and not found.backend.in_memory
        }
        self._kept = _read(self._path)

    def checks(self) -> dict[str, int]:
        """Return backend -> number of right answers, for each backend with a remembered result."""
        return {name: self._kept[key] for name, key in self._keys.items() if key in self._kept}

    def remember(self, checks: Mapping[str, int]) -> None:
        """Keep the results of these backends. A folder that cannot be written keeps none."""
        for name, count in checks.items():
            if key := self._keys.get(name):
                self._kept.pop(key, None)
                self._kept[key] = count
        newest = dict(list(self._kept.items())[-MOST_KEPT:])
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._path, json.dumps(newest, indent=0))


@cache
def _code() -> str:
    """Return a hash of the source files that verification runs or compares with."""
    packages = (accessors, bench.dataset, bench.measure, bench.verification)
    folders = [Path(str(package.__file__)).parent for package in packages]
    digest = sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _hash(parts: Iterable[str]) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> dict[str, int]:
    """Return the kept results; none if the file is missing or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {key: count for key, count in kept.items() if isinstance(count, int) and count >= 0}
