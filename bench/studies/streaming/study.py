"""The streaming study, as the core sees it."""

from bench.model.study import Probe, Study

_PACKAGE = "bench.studies.streaming"

STUDY = Study(
    name="streaming",
    profiles={"streaming": "bench streaming", "streaming-quick": "bench streaming --quick"},
    plain_run="bench run --workload get_customers --fetch buffered --fetch batched:1000",
    probes=(
        Probe("proof", f"{_PACKAGE}.proof:prove", seconds=0.5),
        Probe("bare loops", f"{_PACKAGE}.bare_loops:hold_against_bare", seconds=4.0),
    ),
    probes_of_runs=f"{_PACKAGE}.plan:probes_of_run",
    entries=(f"{_PACKAGE}.entries:ProofLine", f"{_PACKAGE}.entries:BareLine"),
    findings=f"{_PACKAGE}.findings:findings",
    charts=f"{_PACKAGE}.charts:figures",
    table=f"{_PACKAGE}.table:render",
    report=f"{_PACKAGE}.report:section",
)
