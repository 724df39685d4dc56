"""The network study, as the core sees it."""

from bench.model.study import Probe, Study

_PACKAGE = "bench.studies.network"

STUDY = Study(
    name="network",
    probes=(
        Probe(
            "round trips",
            f"{_PACKAGE}.probe:count",
            seconds=0.15,
            alone=False,
            by_proxy=True,
            lasting=True,
        ),
    ),
    probes_of_runs=f"{_PACKAGE}.plan:probes_of_run",
    entries=(f"{_PACKAGE}.entries:RoundTripsLine",),
    findings=f"{_PACKAGE}.findings:findings",
    charts_of_runs=f"{_PACKAGE}.charts:figures",
    columns=f"{_PACKAGE}.columns:columns",
)
