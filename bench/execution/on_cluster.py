"""A run on a cluster: the cases whose way to the server only the command's machine has."""

import logging
from collections.abc import Mapping

from accessors import DiscoveredBackend
from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.plan import Plan

log = logging.getLogger(__name__)

_REASON = "a worker of the cluster has its own way to the server, without latency and transport"


def without_ways_of_this_machine(plan: Plan, backends: Mapping[str, DiscoveredBackend]) -> Plan:
    """Return the plan without the cases that have a latency or a transport; log the reason.

    A worker connects by the URL of its own environment, so the case would have a false name.

    Raises `UsageError` if no case is left.
    """

    def reason(case: Case) -> str | None:
        return None if case.link.is_direct and not case.transport else _REASON

    made = plan.without(reason, backends)
    if not made.cases:
        raise UsageError(
            f"no case can be measured: {_REASON}.\nLeave out --scheduler, --latency or --transport."
        )
    if left_out := sum(1 for case in plan.cases if reason(case)):
        log.warning("left out: %d of the cases: %s", left_out, _REASON)
    return made
