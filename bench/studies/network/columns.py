"""The figures of the network study in `summary.csv`."""

from collections.abc import Mapping

from bench.model.case import Case
from bench.results.file import Results
from bench.studies.network.entries import RoundTrips
from bench.studies.network.plan import lone

COLUMN = "round_trips_per_operation"


def columns(results: Results) -> Mapping[str, Mapping[Case, float]]:
    """Return the round trips of one operation for each case; of a lone client, where it has more.

    Clients that run at once send what each would send alone.
    """
    counted = per_operation(results)
    return {
        COLUMN: {case: counted[lone(case)] for case in results.header.plan if lone(case) in counted}
    }


def per_operation(results: Results) -> dict[Case, float]:
    """Return the round trips of one operation of each case that was counted.

    Files of version 0.2 may have a case in both states of the allocator, which count alike.
    """
    return {lone(entry.case): entry.per_operation for entry in results.probed_as(RoundTrips)}
