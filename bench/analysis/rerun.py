"""The command that measures one case of a run again, as it was."""

import shlex
from typing import Any

from bench.model.case import Case
from bench.model.study import study_of
from bench.results.header import Conditions


def command(header: Conditions, case: Case) -> str:
    """To be typed in a shell: the same factors, rounds, seconds and rows, and no other case
    but its twin. Of a study's case, the study of its backend.

    It names no database, so that no password stands in it: set DATABASE_URL where it was not the
    embedded one. Nor does it name a module of backends of one's own.
    """
    profile = header.profile or ""
    if study := study_of(profile):
        return f"{study.profiles[profile]} --backend {shlex.quote(case.backend)}"
    options: dict[str, Any] = {
        "profile": header.profile,
        "backend": case.backend,
        "workload": case.workload,
        "fetch": case.fetch,
        "concurrency": case.concurrency,
        "session-scope": case.session_scope,
        "transactions": case.transactions,
        "rows": case.rows,
        "loop": None if case.loop == "none" else case.loop,
        "rounds": header.rounds,
        "seconds": header.seconds,
        "scale": header.dataset.scale,
        "seed": header.dataset.seed,
    }
    given = [f"--{name} {shlex.quote(str(value))}" for name, value in options.items()
             if value is not None]  # fmt: skip
    return " ".join(["bench run", *given])
