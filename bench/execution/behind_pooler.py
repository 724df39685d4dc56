"""A run through a pooler that gives each transaction another connection: what of it can be right.

Cases that cannot be right there are left out with their reasons. A backend that needs an option
there is named with the option before anything is loaded.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from accessors import DiscoveredBackend
from bench.model.case import Case
from bench.model.connect import Setting
from bench.model.errors import UsageError
from bench.model.fetch import Fetch
from bench.model.plan import Plan
from bench.model.pooling import impossible, missing
from bench.model.study import probes
from bench.server.database import Database
from bench.server.pooler import Pooler, sharing_refused
from bench.verification.ways import Way, ways_to_connect

log = logging.getLogger(__name__)

_READ = "get_customers"
"""The read whose cases stand for all reads in a verification: it can be streamed."""


def fitted(
    plan: Plan, backends: Mapping[str, DiscoveredBackend], database: Database, pooler: Pooler | None
) -> Plan:
    """Return the plan without the cases that cannot be right behind this pooler.

    Raises `BenchError` if the command's own connections would go through it, and `UsageError` if
    backends need options that are not set, or if no case is left.
    """
    if pooler is not None:
        plan = without_pgbouncer(plan, backends, "the database URL leads to a pooler already")
    if pooler is None or not pooler.shares:
        return plan
    probed = chain.from_iterable(plan.probes.values())  # also those that are no planned cases
    asked = dict.fromkeys([*plan.everything, *probed])
    refused = refused_cases(asked, backends, database, pooler)
    _tell(refused.values())
    made = plan.without(refused.get, backends)
    if not made.cases:
        raise _nothing_left(database, pooler, refused.values())
    kept = {name: cases for name, cases in made.probes.items() if not probes()[name].own_session}
    return replace(made, probes=kept)


def without_pgbouncer(plan: Plan, backends: Mapping[str, DiscoveredBackend], reason: str) -> Plan:
    """Return the plan without the cases behind a PgBouncer of the run's own; log the reason."""
    if dropped := sum(case.pool.behind_pgbouncer for case in plan.cases):
        log.warning("left out: %d cases behind PgBouncer: %s", dropped, reason)
    return plan.without(lambda case: reason if case.pool.behind_pgbouncer else None, backends)


def refused_cases(
    cases: Iterable[Case],
    backends: Mapping[str, DiscoveredBackend],
    database: Database,
    pooler: Pooler | None,
) -> dict[Case, str]:
    """Return the cases that cannot be right behind this pooler -> the reason.

    Raises as `fitted` does for the command's own connections and for options that are not set.
    """
    if pooler is None or not pooler.shares:
        return {}
    if not database.admin_url:
        raise sharing_refused(database, pooler)
    cases = list(cases)
    if not pooler.keeps_prepared:
        _check_options(cases, backends, database, pooler)
    return {
        case: reason
        for case in cases
        if (found := backends[case.backend].backend)
        and (not pooler.keeps_prepared or pooler.mode == "statement")
        and (reason := impossible(found, case, pooler.mode))
    }


def _tell(reasons: Iterable[str]) -> None:
    for reason in dict.fromkeys(reasons):
        log.warning("left out: %s", reason)


def _nothing_left(database: Database, pooler: Pooler, reasons: Iterable[str]) -> UsageError:
    return UsageError(
        f"nothing to measure through the pooler at {database.safe_url}, which is in "
        f"{pooler.mode} mode: {'; '.join(dict.fromkeys(reasons))}.\n"
        "Choose other cases, or the pooler's session mode."
    )


def ways_behind(
    pooler: Pooler | None,
    settings: Sequence[Setting],
    backends: Mapping[str, DiscoveredBackend],
    database: Database,
    fetches: Sequence[Fetch],
) -> dict[str, list[Way]]:
    """Return backend -> the ways in which it connects, with the fetches that are right there.

    A backend reads in the first of its transactions that the pooler admits. One without any is left
    out. Raises as `refused_cases`, and `UsageError` if no backend is left.
    """
    ways = ways_to_connect(settings, backends)
    if pooler is None or not pooler.shares:
        return ways
    asked = {
        name: [
            Case(name, _READ, fetch, transactions=transactions, connect=way.connect)
            for way in own
            for transactions in found.backend.transactions
            for fetch in fetches
            if fetch.offered_by(found.backend)
        ]
        for name, own in ways.items()
        if (found := backends[name]) and found.backend and not found.backend.in_memory
    }
    cases = [case for own in asked.values() for case in own]
    refused = refused_cases(cases, backends, database, pooler)
    made: dict[str, list[Way]] = {}
    reasons: list[str] = []
    for name, own in asked.items():
        mode = next((c.transactions for c in own if c.fetch == Fetch() and c not in refused), None)
        in_mode = [case for case in own if mode in (None, case.transactions)]
        reasons += [refused[case] for case in in_mode if case in refused]
        for way in ways[name] if mode else ():
            right = [c for c in in_mode if c.connect == way.connect and c not in refused]
            fetches = tuple(case.fetch for case in right)
            made.setdefault(name, []).append(Way(way.connect, right[0].transactions, fetches))
    if not made:
        raise _nothing_left(database, pooler, reasons)
    _tell(reasons)
    return made


def _check_options(
    cases: Iterable[Case],
    backends: Mapping[str, DiscoveredBackend],
    database: Database,
    pooler: Pooler,
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
