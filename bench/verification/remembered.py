"""Results that are remembered: equal code, rows and server give equal answers.

A result is found again by a hash of everything that it depends on. It is kept for the built-in
backends only: the code of another module may be anywhere.
"""

import json
import platform
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import accessors
import bench.dataset
import bench.measure
import bench.verification
from accessors import BUILTIN, DiscoveredBackend
from bench.dataset.fingerprint import Fingerprint
from bench.model.fetch import Fetch
from bench.results import environment
from bench.system.code_hash import code_hash
from bench.system.home import home
from bench.system.output_files import write_text

if TYPE_CHECKING:
    import psycopg

_VERIFYING = (accessors, bench.dataset, bench.measure, bench.verification)
"""The packages whose code verification runs or compares with."""

MOST_KEPT = 500
"""The most results that are kept. The oldest are forgotten."""

_SERVER = """
    SELECT version(), current_database(), current_user, oid::text, inet_server_port()::text,
           (SELECT string_agg(name || '=' || setting, ';' ORDER BY name) FROM pg_settings
             WHERE source NOT IN ('default', 'override', 'session', 'client')
               AND name !~ 'application_name|file|directory|log')
      FROM pg_database WHERE datname = current_database()
"""


class Remembered:
    """The results of one dataset on one server, in a file of `.gatherbench`."""

    def __init__(
        self,
        path: Path,
        packages: Iterable[ModuleType],
        connection: "psycopg.Connection[Any]",
        fingerprint: Fingerprint,
        backends: Mapping[str, DiscoveredBackend],
    ) -> None:
        """`packages`: those whose source files the results depend on."""
        self._path = path
        server = [str(value) for value in connection.execute(_SERVER).fetchone() or ()]
        self._shared = [
            code_hash(*packages),
            platform.python_version(),
            fingerprint.content,
            *server,
        ]
        versions = {name: facts.versions for name, facts in environment.describe(backends).items()}
        self._versions = {
            name: json.dumps(versions.get(name), sort_keys=True)
            for name, found in backends.items()
            if BUILTIN.get(name) == found.module and found.backend and not found.backend.in_memory
        }
        self._kept = _read(path)

    def key(self, backend: str, *parts: str) -> str | None:
        """Return the key of a result; None if no result of this backend is remembered.

        `parts`: what it depends on beside code, rows, server and the versions of the libraries.
        """
        if backend not in self._versions:
            return None
        return _hash([backend, self._versions[backend], *self._shared, *parts])

    def get(self, key: str | None) -> Any:
        """Return the result of this key; None if there is none."""
        return None if key is None else self._kept.get(key)

    def keep(self, results: Mapping[str, Any]) -> None:
        """Keep the results, by their keys. A folder that cannot be written keeps none."""
        for key, result in results.items():
            self._kept.pop(key, None)
            self._kept[key] = result
        newest = dict(list(self._kept.items())[-MOST_KEPT:])
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._path, json.dumps(newest, indent=0))


class RememberedResults:
    """The results of verification, in `.gatherbench/verified.json`."""

    def __init__(
        self,
        connection: "psycopg.Connection[Any]",
        fingerprint: Fingerprint,
        backends: Mapping[str, DiscoveredBackend],
        fetches: Iterable[Fetch],
        path: Path | None = None,
    ) -> None:
        """`path`: the file, by default in the project's home."""
        path = path or remembered_in("verified.json")
        self._memory = Remembered(path, _VERIFYING, connection, fingerprint, backends)
        ways = sorted(map(str, fetches))
        self._keys = {
            name: key for name in backends if (key := self._memory.key(name, *ways)) is not None
        }

    def checks(self) -> dict[str, int]:
        """Return backend -> number of right answers, for each backend with a remembered result."""
        known = {name: self._memory.get(key) for name, key in self._keys.items()}
        return {
            name: count for name, count in known.items() if isinstance(count, int) and count >= 0
        }

    def remember(self, checks: Mapping[str, int]) -> None:
        """Keep the results of these backends. A folder that cannot be written keeps none."""
        self._memory.keep(
            {self._keys[name]: count for name, count in checks.items() if name in self._keys}
        )


def remembered_in(name: str) -> Path:
    """Return the path of a file of remembered results in the project's home."""
    return home() / ".gatherbench" / name


def _hash(parts: Iterable[str]) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    """Return the kept results; none if the file is missing or damaged."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
