"""The plan of a search: a closed loop of each backend, which shows where to begin."""

from collections.abc import Mapping
from dataclasses import replace

from accessors import Found
from bench.model.case import Case
from bench.model.errors import UsageError
from bench.model.plan import Plan
from bench.model.profiles import Profile

WINDOWS = 22
"""The windows of a backend that a search takes on average, to estimate how long it will be."""

PROFILE = Profile(
    "saturate",
    "the highest arrival rate that each backend holds within an objective",
    (),
    rounds=WINDOWS,
    seconds=1.0,
    warm_up_s=0.3,
    leaves_out="functions, concurrencies and factors that were not chosen",
)
"""The warm-up is that of new clients: a window at a rate has a lead-in besides."""


def plan(profile: Profile, backends: Mapping[str, Found], case: Case) -> Plan:
    """Return the plan. `case` has every factor but the backend, and no rate.

    Raises `UsageError` with the reasons if no backend can run it at a rate.
    """
    chosen: list[Case] = []
    impossible: dict[str, str] = {}
    for name, found in backends.items():
        backend = found.backend
        assert backend is not None, "unavailable backends are not planned"
        asked = replace(case, backend=name, loop="none" if backend.mode == "sync" else "asyncio")
        if reason := replace(asked, rate=1).impossible(backend):
            impossible[asked.key] = reason
        else:
            chosen.append(asked)
    if not chosen:
        raise UsageError(
            "nothing to measure: " + "; ".join(dict.fromkeys(impossible.values())) + ".\n"
            "`bench list` shows backends and workloads."
        )
    return Plan(profile, tuple(chosen), impossible)
