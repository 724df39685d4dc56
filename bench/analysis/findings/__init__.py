"""Findings: sentences made from the figures, each with its evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.analysis.findings import connect, harness, layers, sessions, sync_async
from bench.analysis.findings import warnings as cautions
from bench.analysis.findings.finding import Finding
from bench.analysis.selection import Selection, select
from bench.analysis.summary import Summary, summarise
from bench.model.study import studies
from bench.results.file import Results

__all__ = ["CAUTION", "FAMILIES", "LATER_FAMILIES", "Finding", "find"]

CAUTION = cautions.TOPIC
FAMILIES = (layers, sync_async)
LATER_FAMILIES = (sessions, connect, harness)
"""The modules that make findings, in the order of the report. Between them are the studies."""


def find(results: Results, summaries: Sequence[Summary] | None = None) -> list[Finding]:
    """Return every finding that these results have evidence for: by topic, the strongest first.

    The warnings about the figures (`CAUTION`) come first. A finding leads only to cases that were
    planned or measured: one that a probe alone had, such as a count of round trips with one client,
    is in no table of a page.

    Pure: the same results give the same findings. A case with a failure takes part in no finding
    except the one that reports the failure. `summaries` avoids computing them again.
    """
    measured = summarise(results) if summaries is None else list(summaries)
    selection = select(results, measured)
    known = {*results.header.plan, *(summary.case for summary in measured)}
    found = [
        *cautions.findings(results, measured),
        *(finding for family in FAMILIES for finding in family.findings(results, selection)),
        *_of_studies(results, selection),
        *(finding for family in LATER_FAMILIES for finding in family.findings(results, selection)),
    ]
    return [
        replace(finding, cases=tuple(case for case in finding.cases if case in known))
        for finding in found
    ]


def _of_studies(results: Results, selection: Selection) -> Iterator[Finding]:
    for study in studies():
        if study.findings:
            yield from study.call(study.findings, results, selection)
