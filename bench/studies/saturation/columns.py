"""The figures of a search in `summary.csv`."""

from collections.abc import Mapping

from bench.model.case import Case
from bench.results.file import Results
from bench.studies.saturation.answers import closed_loop
from bench.studies.saturation.entries import Objective, Saturation


def columns(results: Results) -> Mapping[str, Mapping[Case, float]]:
    """Return the objective and the answer, in the row of each backend's closed loop."""
    objectives = {found.case: found.objective_ns for found in results.probed_as(Objective)}
    rates = {
        closed_loop(found.case): float(found.case.rate or 0)
        for found in results.probed_as(Saturation)
    }
    return {"objective_p99_ns": objectives, "highest_rate_per_s": rates}
