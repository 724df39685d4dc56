"""The words for workloads, layers and conditions: the same in charts, findings and reports."""

from bench.model.case import Case
from bench.model.declared import DeclaredWorkload
from bench.model.fetch import Fetch
from bench.model.workload import WORKLOADS

LAYER_NAMES = {"driver": "driver alone", "core": "SQLAlchemy Core", "orm": "SQLAlchemy ORM"}
FLOOR = "null (the harness's overhead)"


_TRANSACTIONS = {"autocommit": "autocommit", "implicit": "implicit transactions"}


def asked(workload: str) -> str:
    """Return the workload in words: its name and description."""
    known = WORKLOADS.get(workload)
    return f"{workload} ({known.description})" if known else workload


def conditions(case: Case) -> str:
    """Return the conditions of a case in words, except backend and concurrency.

    A unit of work fetches and commits by itself, whatever the case says of reads.
    """
    known = WORKLOADS.get(case.workload)
    own = isinstance(known, DeclaredWorkload) and known.units
    return ", ".join(
        [
            *([] if case.size is None else [f"{case.size:,} row{'s' if case.size > 1 else ''}"]),
            *([] if own else ["buffered" if case.fetch == Fetch() else str(case.fetch)]),
            "a session per operation" if case.session_scope == "operation" else "a session a task",
            *(["transactions of its own"] if own else [_TRANSACTIONS[case.transactions]]),
            *(["rows as dicts"] if case.rows == "dict" else []),
            case.rate_in_words or "closed loop",
        ]
    )
