"""The processes study, as the core sees it."""

from bench.model.study import Study

_PACKAGE = "bench.studies.processes"

STUDY = Study(
    name="processes",
    findings=f"{_PACKAGE}.findings:findings",
    charts_of_runs=f"{_PACKAGE}.charts:figures",
)
