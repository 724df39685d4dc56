"""Results of probes that are remembered, as those of verification are.

A count of round trips is the same in every run of equal code over equal rows on one server.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import accessors
import bench.dataset
import bench.measure
import bench.server
from accessors import DiscoveredBackend
from bench.dataset.fingerprint import Fingerprint
from bench.model.case import Case
from bench.model.study import Probe
from bench.model.workload import BUILT_IN
from bench.results.decoding import LineError
from bench.results.entries import Entry, Failure
from bench.results.schema import EntryLine, read_line
from bench.server.url import redact
from bench.verification.remembered import Remembered, remembered_in

if TYPE_CHECKING:
    import psycopg

_PROBING = (accessors, bench.dataset, bench.measure, bench.server)
"""The packages whose code a probe runs, beside its own."""


class RememberedProbes:
    """The results of one probe, in a file of `.gatherbench`: the lines of a results file."""

    def __init__(
        self,
        probe: Probe,
        connection: "psycopg.Connection[Any]",
        fingerprint: Fingerprint,
        backends: Mapping[str, DiscoveredBackend],
        url: str,
        path: Path | None = None,
    ) -> None:
        """`url`: that of the server. `path`: the file, by default in the project's home."""
        study = import_module(probe.work.rpartition(":")[0].rpartition(".")[0])
        path = path or remembered_in(f"{probe.name.replace(' ', '_')}.json")
        self._memory = Remembered(path, (*_PROBING, study), connection, fingerprint, backends)
        self._connection = [redact(url, url), *_libpq_variables()]

    def entries(self, cases: Sequence[Case]) -> Iterator[Entry]:
        """Yield the result of each case that has one."""
        for case in cases:
            kept = self._memory.get(self._key(case))
            try:
                line = read_line(json.dumps(kept).encode()) if kept is not None else None
                entry = line.entry() if isinstance(line, EntryLine) else None
            except (LineError, ValueError):
                continue
            if entry is not None and entry.case == case:
                yield entry

    def keep(self, outcomes: Iterable[Entry]) -> None:
        """Keep the results among the outcomes, marked as remembered."""
        self._memory.keep(
            {
                key: outcome.as_dict() | {"remembered": True}
                for outcome in outcomes
                if not isinstance(outcome, Failure)
                if (key := self._key(outcome.case)) is not None
            }
        )

    def _key(self, case: Case) -> str | None:
        """Return the key; None for a user's own workload, whose code may be anywhere."""
        if case.workload not in BUILT_IN:
            return None
        described = json.dumps(case.as_dict(), sort_keys=True)
        return self._memory.key(case.backend, described, *self._connection)


def _libpq_variables() -> list[str]:
    """Return the settings of libpq's environment variables, without secrets.

    TLS costs round trips. https://www.postgresql.org/docs/current/libpq-envars.html
    """
    return sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.startswith("PG") and "PASS" not in name
    )
