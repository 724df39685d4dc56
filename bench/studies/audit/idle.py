"""A claim about a thousand clients of which some are never served."""

from array import array
from pathlib import Path

from bench.analysis.warnings import result_warnings
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.results.entries import Run
from bench.results.file import Results
from bench.results.header import Header
from bench.results.samples import Samples
from bench.studies.audit.claim import Claim, Outcome

CLIENTS = 1_000
WINDOW_NS = 50_000_000
CASE = Case("asyncpg", POINT_READ, concurrency=CLIENTS)


def run(served: int) -> Run:
    """Return a round in which so many of the clients have one operation each, one after another."""
    each_ns = WINDOW_NS // CLIENTS
    samples = Samples(
        start_ns=array("q", [0] * served),
        duration_ns=array("q", [each_ns * (place + 1) for place in range(served)]),
        rows=array("q", [1] * served),
        worker=array("q", range(served)),
    )
    return Run(
        case=CASE,
        round=0,
        started_at="",
        window_ns=WINDOW_NS,
        samples=samples,
        client_cpu_ns=WINDOW_NS // 2,
        server_cpu_ns=None,
        elapsed_ns=WINDOW_NS,
        loop_stall_max_ns=None,
        loop_stall_p99_ns=None,
        fewest_operations=int(served == CLIENTS),
        most_operations=1,
    )


def warned(served: int) -> bool:
    """Return whether the warnings about such a run say that some clients served nothing."""
    results = Results(Path(), Header(plan=(CASE,)), [run(served)])
    return any("served nothing" in warning.symptom for warning in result_warnings(results))


def _idle() -> Outcome:
    some, none = warned(CLIENTS - 1), not warned(CLIENTS)
    return Outcome(
        truth="a warning if one client has no operation, none if each has one",
        measured=f"{'a warning' if some else 'no warning'}, {'none' if none else 'one'}",
        before="no warning",
        holds=some and none,
    )


CLAIMS = (
    Claim(
        "idle-clients",
        f"A run in which one of {CLIENTS:,} clients served nothing has a warning.",
        f"made-up rounds of {CLIENTS:,} clients with one operation each, and with one client idle",
        simulate=_idle,
    ),
)
