"""The list of all claims. A claim is added in its own module, and its module here."""

from bench.studies.audit import (
    agreeing,
    allocator,
    arrivals,
    budget,
    commands,
    comparing,
    freeing,
    idle,
    load,
    processes,
    quantiles,
    ranking,
    runs,
    stalls,
    throughput,
    whole_commands,
)
from bench.studies.audit.claim import Claim

CLAIMS: tuple[Claim, ...] = (
    *throughput.CLAIMS,
    *runs.CLAIMS,
    *allocator.CLAIMS,
    *freeing.CLAIMS,
    *quantiles.CLAIMS,
    *stalls.CLAIMS,
    *load.CLAIMS,
    *idle.CLAIMS,
    *ranking.CLAIMS,
    *comparing.CLAIMS,
    *budget.CLAIMS,
    *agreeing.CLAIMS,
    *commands.CLAIMS,
    *whole_commands.CLAIMS,
    *arrivals.CLAIMS,
    *processes.CLAIMS,
)
"""The claims in the order of the table."""
