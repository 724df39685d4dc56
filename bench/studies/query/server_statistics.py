"""The server's times of the statement while it is measured, where pg_stat_statements is loaded.

The counters are read before and after each window, so that they are those of one backend. A library
may change the text: psycopg2 writes the arguments into it, and SQLAlchemy renames parameters. So
texts are compared without constants, parameters and casts.
https://www.postgresql.org/docs/current/pgstatstatements.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.execution.progress_listener import ProgressListener
from bench.model.case import Case
from bench.model.sql_text import SqlText
from bench.results.entries import Entry, Run
from bench.studies.query.entries import ServerStatistics

if TYPE_CHECKING:
    from bench.dataset.lock import Lock

_SCHEMA = """
    SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'
"""
_OF_DATABASE = "WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"

_CAST = re.compile(
    r"::\s*(?:character varying|bit varying|double precision|time(?:stamp)? with(?:out)? time zone"
    r'|"?\w+"?(?:\."?\w+"?)?)(?:\(\d+(?:,\s*\d+)?\))?(?:\[\])*',
    re.IGNORECASE,
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_VALUE = re.compile(r"-?\s*(?:\$\d+|[:%]\(?\w+\)?s?\b|E?'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b)|%s")

_Key = tuple[int, int]
"""A role and the identity of a statement."""
_Counters = tuple[int, float, float]
"""Calls, milliseconds of execution, milliseconds of planning."""


def shape(text: str) -> str:
    """Return the text without spaces, comments, casts, constants and parameters."""
    plain = _VALUE.sub("?", _CAST.sub("", _COMMENT.sub(" ", text)))
    return re.sub(r"[\s;()]+", "", plain).lower()


class Observer:
    """Reads the counters around each window of some cases. A `ProgressListener` before another.

    Reads nothing where the extension is not installed, not loaded, or not readable.
    """

    def __init__(
        self,
        listener: ProgressListener,
        lock: "Lock",
        statements: Sequence[SqlText],
        cases: Sequence[Case],
    ) -> None:
        self._listener, self._lock = listener, lock
        self._shapes = {shape(statement.numbered) for statement in statements}
        self._cases = set(cases)
        self._before: dict[_Key, _Counters] | None = None
        self._counted: dict[Case, dict[_Key, _Counters]] = {}
        self._schema = self._installed()

    def entries(self) -> Iterator[ServerStatistics]:
        """Yield an entry for each case whose statement the server counted."""
        ours = {key for key, text in self._texts().items() if shape(text) in self._shapes}
        for case, counted in self._counted.items():
            found = [counters for key, counters in counted.items() if key in ours]
            calls, execution_ms, planning_ms = (sum(c[place] for c in found) for place in range(3))
            if calls:
                yield ServerStatistics(
                    case, int(calls), round(execution_ms * 1e6), round(planning_ms * 1e6)
                )

    def stage(self, what: str, steps: int | None = None) -> None:
        """Pass it on."""
        self._listener.stage(what, steps)

    def compared(self, backend: str) -> None:
        """Pass it on."""
        self._listener.compared(backend)

    def begin(self, case: Case) -> None:
        """Read the counters before the window of an observed case."""
        self._listener.begin(case)
        self._before = self._counters() if case in self._cases else None

    def step(self, case: Case, outcome: Entry) -> None:
        """Count what the window added, and pass the step on."""
        if self._before is not None and isinstance(outcome, Run):
            counted = self._counted.setdefault(case, {})
            for key, after in self._counters().items():
                before = self._before.get(key, (0, 0.0, 0.0))
                if after[0] > before[0]:
                    so_far = counted.get(key, (0, 0.0, 0.0))
                    counted[key] = tuple(  # type: ignore[assignment]
                        s + a - b for s, a, b in zip(so_far, after, before, strict=True)
                    )
        self._before = None
        self._listener.step(case, outcome)

    def _installed(self) -> str | None:
        """Return the extension's schema, or None if its counters cannot be read."""
        import psycopg

        try:
            row = self._lock.connection.execute(_SCHEMA).fetchone()
            if row is None:
                return None
            self._lock.connection.execute(f"SELECT FROM {row[0]}.pg_stat_statements(false) LIMIT 1")
        except psycopg.Error:  # not in shared_preload_libraries, or no right to read it
            return None
        return str(row[0])

    def _rows(self, texts: str) -> list[Mapping[str, Any]]:
        import psycopg
        from psycopg.rows import dict_row

        if self._schema is None:
            return []
        query = f"SELECT * FROM {self._schema}.pg_stat_statements({texts}) {_OF_DATABASE}"
        try:
            with self._lock.connection.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(query.encode()).fetchall()
        except psycopg.Error:  # the run shows whether the server is gone
            return []
        # `toplevel` is there from PostgreSQL 14 on. The statements of a function are in its own.
        return [row for row in rows if row.get("toplevel", True) and row["queryid"] is not None]

    def _counters(self) -> dict[_Key, _Counters]:
        return {
            (row["userid"], row["queryid"]): (
                row["calls"],
                row["total_exec_time"],
                row["total_plan_time"],
            )
            for row in self._rows("false")
        }

    def _texts(self) -> dict[_Key, str]:
        return {(row["userid"], row["queryid"]): row["query"] or "" for row in self._rows("true")}
