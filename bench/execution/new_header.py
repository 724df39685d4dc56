"""The header of a run that begins: what was ordered, of what, and where."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.dataset.fingerprint import Fingerprint
from bench.results import environment
from bench.results.header import DatasetFacts, Header
from bench.server.database import Database
from bench.verification.verify import Verdict

if TYPE_CHECKING:
    import psycopg

    from bench.execution.measurement import Order


def new_header(
    order: "Order",
    connection: "psycopg.Connection[Any]",
    database: Database,
    fingerprint: Fingerprint,
    verdicts: list[Verdict] | None,
    *,
    local: bool,
) -> Header:
    """Return the header of the order. `verdicts`: None where nothing was verified."""
    plan = order.plan
    return Header(
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        label=order.label,
        command=order.command,
        profile=plan.profile.name,
        rounds=plan.profile.rounds,
        seconds=plan.profile.seconds,
        warm_up_s=plan.profile.warm_up_s,
        load_model="closed",
        session_guard=order.guard,
        verified=None if verdicts is None else {v.backend: v.checks for v in verdicts},
        leaves_out=plan.profile.leaves_out,
        impossible=dict(plan.impossible),
        dataset=DatasetFacts(
            scale=order.dataset.scale,
            seed=order.dataset.seed,
            more_customers=order.dataset.more_customers,
            **vars(fingerprint),
            digest=fingerprint.digest,
        ),
        environment=environment.collect(connection, database, local),
        backends=environment.describe(order.backends),
        plan=tuple(plan.everything),
    )
