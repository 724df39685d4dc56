"""The study of a user's own statement, as the core sees it."""

from bench.model.study import Study

_PACKAGE = "bench.studies.query"

STUDY = Study(
    name="query",
    profiles={"query": "bench query"},
    plain_run="bench query ...",
    warned=True,
    entries=(f"{_PACKAGE}.entries:ServerStatisticsLine",),
    charts=f"{_PACKAGE}.charts:figures",
    table=f"{_PACKAGE}.table:render",
    report=f"{_PACKAGE}.report:section",
)
