"""The connection pooler between the backends and the server, and what follows from its mode."""

from bench.model.pooling import options
from bench.server.pooler import Pooler
from bench.studies.doctor.finding import Diagnosis

SUBJECT = "pooler"


def finding(pooler: Pooler | None) -> Diagnosis:
    """Return the finding on the pooler; a good one if there is none."""
    if pooler is None:
        return Diagnosis(SUBJECT, "none: the URL leads to the server itself")
    observed = f"a connection pooler in {pooler.mode} mode"
    if not pooler.shares:
        return Diagnosis(
            SUBJECT,
            observed,
            "warning",
            "each answer passes through it, and that is measured too; more clients than its "
            "default_pool_size wait for each other.",
            "Keep --concurrency below its default_pool_size, or give the server's own URL.",
        )
    if pooler.keeps_prepared:
        return Diagnosis(
            SUBJECT,
            f"{observed}, which follows prepared statements",
            "warning",
            "clients share its server connections: a lock of a session is not kept.",
            "Add --admin-url with the server's own URL, for the connections of bench itself.",
        )
    lost = "" if pooler.mode == "transaction" else ", refuses transactions"
    return Diagnosis(
        SUBJECT,
        observed,
        "warning",
        f"it loses prepared statements{lost}, and does not keep a lock of a session.",
        f"Add --admin-url with the server's own URL, and {options()}.",
    )
