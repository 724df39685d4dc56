"""A run on a cluster: the cases whose way to the server only the command's machine has."""

import logging
from dataclasses import replace

from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.plan import Plan

log = logging.getLogger(__name__)

_REASON = "a worker of the cluster has its own way to the server, without latency and transport"


def without_ways_of_this_machine(plan: Plan) -> Plan:
    """Return the plan without the cases that have a latency or a transport; log the reason.

    A worker connects by the URL of its own environment, so the case would have a false name.

    Raises `UsageError` if no case is left.
    """

    def dropped(case: Case) -> bool:
        return not case.link.is_direct or bool(case.transport)

    left_out = [case for case in plan.cases if dropped(case)]
    if not left_out:
        return plan
    kept = tuple(case for case in plan.cases if not dropped(case))
    if not kept:
        raise UsageError(
            f"no case can be measured: {_REASON}.\nLeave out --scheduler, --latency or --transport."
        )
    log.warning("left out: %d of the cases: %s", len(left_out), _REASON)
    return replace(
        plan,
        cases=kept,
        impossible={**plan.impossible, **{case.key: _REASON for case in left_out}},
        memory_cases=tuple(case for case in plan.memory_cases if not dropped(case)),
        fewer_rounds={c: n for c, n in plan.fewer_rounds.items() if not dropped(c)},
    )
