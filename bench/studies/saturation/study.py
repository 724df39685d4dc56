"""The saturation study, as the core sees it."""

from bench.model.study import Study

_PACKAGE = "bench.studies.saturation"

STUDY = Study(
    name="saturation",
    profiles={"saturate": "bench saturate"},
    plain_run="bench run --rate 500,1000,2000",
    entries=(f"{_PACKAGE}.entries:ObjectiveLine", f"{_PACKAGE}.entries:SaturationLine"),
    findings=f"{_PACKAGE}.findings:findings",
    columns=f"{_PACKAGE}.columns:columns",
    charts=f"{_PACKAGE}.charts:none",
    charts_of_runs=f"{_PACKAGE}.charts:figures",
    table=f"{_PACKAGE}.table:render",
    report=f"{_PACKAGE}.report:section",
)
