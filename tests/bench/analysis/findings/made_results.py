"""Results made of durations, and the sentences that are found in them."""

from pathlib import Path

from bench.analysis import findings
from bench.model.case import Case
from bench.results.file import Results
from bench.results.header import Header
from tests.bench import synthetic

BARE, ORM = Case("asyncpg", synthetic.POINT), Case("orm+asyncpg", synthetic.POINT)


def taken(case: Case, durations_ns: list[int], **changes: object) -> Results:
    """One case, a round a duration."""
    made = Results(Path(), Header(plan=(case,), backends=synthetic.BACKENDS))
    made.runs = [
        synthetic.constant_run(case, number, duration, **changes)
        for number, duration in enumerate(durations_ns)
    ]
    return made


def both(*parts: Results) -> Results:
    plan = [case for part in parts for case in part.header.plan]
    joined = Results(Path(), Header(plan=tuple(plan), backends=synthetic.BACKENDS))
    for part in parts:
        joined.runs += part.runs
        joined.memory += part.memory
    return joined


def sentences(found: Results, topic: str = "") -> list[str]:
    return [each.sentence for each in findings.find(found) if topic in ("", each.topic)]
