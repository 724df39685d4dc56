"""The header of a run that begins: what was ordered, of what, and where."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.dataset.fingerprint import Fingerprint
from bench.results import environment
from bench.results.header import DatasetFacts, Header
from bench.server.database import Database
from bench.verification.verify import VerificationResult

if TYPE_CHECKING:
    import psycopg

    from bench.model.run_config import RunConfig


def new_header(
    config: "RunConfig",
    connection: "psycopg.Connection[Any]",
    database: Database,
    fingerprint: Fingerprint | None,
    verdicts: list[VerificationResult] | None,
    *,
    local: bool,
) -> Header:
    """Return the header of the config.

    `fingerprint`: None where the rows are not ours. `verdicts`: None where nothing was verified.
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
        load_model="closed",
        session_guard=config.guard,
        verified=None if verdicts is None else {v.backend: v.checks for v in verdicts},
        leaves_out=plan.profile.leaves_out,
        impossible=dict(plan.impossible),
        dataset=DatasetFacts(seed=config.dataset.seed)
        if fingerprint is None
        else DatasetFacts(
            scale=config.dataset.scale,
            seed=config.dataset.seed,
            more_customers=config.dataset.more_customers,
            **vars(fingerprint),
            digest=fingerprint.digest,
        ),
        environment=environment.collect(connection, database, local),
        backends=environment.describe(config.backends),
        plan=tuple(plan.everything),
    )
