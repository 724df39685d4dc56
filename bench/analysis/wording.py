"""The words for workloads, layers and conditions: the same in charts, findings and reports."""

from bench.model.case import FACTORS, Case
from bench.model.declared import DeclaredWorkload
from bench.model.fetch import Fetch
from bench.model.workload import WORKLOADS

LAYER_NAMES = {"driver": "driver alone", "core": "SQLAlchemy Core", "orm": "SQLAlchemy ORM"}
FLOOR = "null (the harness's overhead)"

_AROUND = ("frozen", "link", "transport", "pool", "processes")
"""The factors that belong to the conditions only where they have another value than the default."""

_TRANSACTIONS = {"autocommit": "autocommit", "implicit": "implicit transactions"}


def asked(workload: str) -> str:
    """Return the workload in words: its name and description."""
    known = WORKLOADS.get(workload)
    return f"{workload} ({known.description})" if known else workload


def conditions(case: Case, *varied: str) -> str:
    """Return the conditions of a case in words, except backend, concurrency and `varied`.

    `varied`: names of factors. A unit of work fetches and commits by itself, whatever the case says
    of reads.
    """
    known = WORKLOADS.get(case.workload)
    own = isinstance(known, DeclaredWorkload) and known.units
    per_operation = case.session_scope == "operation"
    texts = {
        "size": "" if case.size is None else f"{case.size:,} row{'s' if case.size > 1 else ''}",
        "fetch": "" if own else "buffered" if case.fetch == Fetch() else str(case.fetch),
        "session_scope": "a session per operation" if per_operation else "a session a task",
        "transactions": "transactions of its own" if own else _TRANSACTIONS[case.transactions],
        "rows": "rows as dicts" if case.rows == "dict" else "",
    }
    for factor in FACTORS:
        value = getattr(case, factor.name)
        if factor.name in _AROUND and not factor.left_out(value):
            texts[factor.name] = factor.words(value)
    texts["rate"] = case.rate_in_words or "closed loop"
    return ", ".join(text for name, text in texts.items() if text and name not in varied)
