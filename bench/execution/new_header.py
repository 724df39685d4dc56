"""The header of a run: its config, its dataset, and its environment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.dataset.fingerprint import Fingerprint
from bench.measure.worker_process import WORKER_STATE
from bench.model.case import Case
from bench.results import environment
from bench.results.header import ClientMachine, DatasetFacts, Environment, Header
from bench.server.database import Database
from bench.server.pooler import Pooler
from bench.system.processors import Halves

if TYPE_CHECKING:
    import psycopg

    from bench.model.run_config import RunConfig


@dataclass(frozen=True)
class Verified:
    """The backends that were verified."""

    checks: dict[str, int]
    """Backend -> number of right answers."""
    before: list[str]
    """The backends that an earlier command verified, with equal code, rows and server."""


def _ways_to_connect(cases: Iterable[Case]) -> dict[str, list[str]]:
    """Return backend -> the texts of the ways in which its cases connect."""
    ways: dict[str, dict[str, None]] = {}
    for case in cases:
        ways.setdefault(case.backend, {})[case.connect] = None
    return {backend: list(texts) for backend, texts in ways.items()}


def _by_all_ways(known: Environment, cases: Iterable[Case]) -> Environment:
    """Return the environment with the transports that the cases compare."""
    words = {"unix": "unix socket", "tcp": "tcp"}
    ways = [words[way] for way in dict.fromkeys(case.transport for case in cases) if way]
    if not ways:
        return known
    return replace(known, server=replace(known.server, transport=" and ".join(ways)))


def new_header(
    config: "RunConfig",
    connection: "psycopg.Connection[Any]",
    database: Database,
    fingerprint: Fingerprint | None,
    verified: Verified | None,
    pooler: Pooler | None = None,
    *,
    local: bool,
    placement: Halves | None = None,
    cluster: Sequence[ClientMachine] = (),
) -> Header:
    """Return the header of the config.

    `fingerprint`: None if the rows are not ours. `verified`: None if nothing was verified.
    `placement`: the processors of clients and server; None if the kernel chose them.
    """
    plan = config.plan
    return Header(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        label=config.label,
        command=config.command,
        profile=plan.profile.name,
        rounds=plan.profile.rounds,
        seconds=plan.profile.seconds,
        warm_up_s=plan.profile.warm_up_s,
        budget_s=config.budget_s,
        load_model=_load_model(config),
        session_guard=config.guard,
        worker_state=WORKER_STATE,
        verified=None if verified is None else verified.checks,
        verified_before=None if verified is None else verified.before,
        leaves_out=plan.profile.leaves_out,
        impossible=dict(plan.impossible),
        pinned=placement,
        connect=config.connect,
        cluster=tuple(cluster),
        dataset=DatasetFacts(seed=config.dataset.seed)
        if fingerprint is None
        else DatasetFacts(
            scale=config.dataset.scale,
            seed=config.dataset.seed,
            more_customers=config.dataset.more_customers,
            **vars(fingerprint),
            digest=fingerprint.digest,
        ),
        environment=_by_all_ways(
            environment.collect(connection, database, local, pooler), plan.cases
        ),
        backends=environment.describe(config.backends, _ways_to_connect(plan.everything)),
        plan=tuple(plan.everything),
    )


def _load_model(config: "RunConfig") -> str:
    loops = {"closed" if case.rate is None else "open" for case in config.plan.cases}
    return " and ".join(sorted(loops)) or "closed"
