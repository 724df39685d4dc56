"""A run through a pooler that gives each transaction another connection: what of it can be right.

Cases that cannot be right there are left out with their reasons. A backend that needs an option
there is named with the option before anything is loaded.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace

from accessors import Found
from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.plan import Plan
from bench.model.pooling import impossible, missing
from bench.model.study import probes
from bench.server.database import Database
from bench.server.pooler import Pooler, sharing_refused

log = logging.getLogger(__name__)


def fitted(
    plan: Plan, backends: Mapping[str, Found], database: Database, pooler: Pooler | None
) -> Plan:
    """Return the plan without the cases that cannot be right behind this pooler.

    Raises `BenchError` if the command's own connections would go through it, and `UsageError` if
    backends need options that are not set, or if no case is left.
    """
    if pooler is None or not pooler.shares:
        return plan
    if not database.admin_url:
        raise sharing_refused(database, pooler)
    if not pooler.keeps_prepared:
        _check_options(plan.everything, backends, database, pooler)
    refused = {
        case: reason
        for case in plan.everything
        if (found := backends[case.backend].backend)
        and (not pooler.keeps_prepared or pooler.mode == "statement")
        and (reason := impossible(found, case, pooler.mode))
    }
    for reason in dict.fromkeys(refused.values()):
        log.warning("left out: %s", reason)
    kept = tuple(case for case in plan.cases if case not in refused)
    if not [case for case in kept if not case.twin]:
        raise UsageError(
            f"nothing to measure through the pooler at {database.safe_url}, which is in "
            f"{pooler.mode} mode: {'; '.join(dict.fromkeys(refused.values()))}.\n"
            "Choose other cases, or the pooler's session mode."
        )
    watching = {name for name in plan.probes if probes()[name].own_session}
    return replace(
        plan,
        cases=kept,
        impossible={**plan.impossible, **{case.key: why for case, why in refused.items()}},
        memory_cases=tuple(case for case in plan.memory_cases if case not in refused),
        probes={
            name: possible
            for name, cases in plan.probes.items()
            if name not in watching
            and (possible := tuple(case for case in cases if case not in refused))
        },
        fewer_rounds={c: n for c, n in plan.fewer_rounds.items() if c not in refused},
    )


def _check_options(
    cases: Iterable[Case], backends: Mapping[str, Found], database: Database, pooler: Pooler
) -> None:
    """Raise `UsageError` with the options that backends lack."""
    lacking: dict[str, list[str]] = {}
    for case in cases:
        found = backends[case.backend].backend
        for setting in missing(found, case) if found else ():
            names = lacking.setdefault(setting, [])
            if case.backend not in names:
                names.append(case.backend)
    if lacking:
        who = "; ".join(f"{', '.join(names)}: {setting}" for setting, names in lacking.items())
        raise UsageError(
            f"the pooler at {database.safe_url} is in {pooler.mode} mode and loses prepared "
            f"statements, so these backends need an option: {who}.\n"
            f"Add {' '.join(f'--connect {setting}' for setting in lacking)},"
            " or choose other backends with --backend."
        )
