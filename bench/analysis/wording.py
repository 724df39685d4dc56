"""The words for workloads, layers and conditions: the same in charts, findings and reports."""

from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.model.workload import WORKLOADS

LAYER_NAMES = {"driver": "driver alone", "core": "SQLAlchemy Core", "orm": "SQLAlchemy ORM"}
FLOOR = "null (the harness's overhead)"


def asked(workload: str) -> str:
    """Return the workload in words: its name and description."""
    known = WORKLOADS.get(workload)
    return f"{workload} ({known.description})" if known else workload


def conditions(case: Case) -> str:
    """Return the conditions of a case in words, except backend and concurrency."""
    return ", ".join(
        [
            *([] if case.size is None else [f"{case.size:,} row{'s' if case.size > 1 else ''}"]),
            "buffered" if case.fetch == Fetch() else str(case.fetch),
            "a session per operation" if case.session_scope == "operation" else "a session a task",
            "autocommit" if case.transactions == "autocommit" else "implicit transactions",
            *(["rows as dicts"] if case.rows == "dict" else []),
            case.rate_in_words or "closed loop",
        ]
    )
