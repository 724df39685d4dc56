"""The study of a user's own statement, as the core sees it."""

from bench.model.study import Study

_PACKAGE = "bench.studies.query"

STUDY = Study(
    name="query",
    profiles={"query": "bench query"},
    table=f"{_PACKAGE}.table:render",
)
