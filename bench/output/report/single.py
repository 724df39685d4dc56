"""The report of one run."""

from collections.abc import Sequence
from dataclasses import replace

from bench.analysis import fairness, findings
from bench.analysis.findings import Finding
from bench.analysis.ranking import floors
from bench.analysis.ratios import ENOUGH_ROUNDS
from bench.analysis.selection import Selection, select
from bench.analysis.summary import Summary, summarise
from bench.model.study import studies
from bench.output.palette import hue
from bench.output.report import cases, facts, figures, tables
from bench.output.report.template import LegendEntry, Section, render_page
from bench.results.file import RUN_FILE, Results

AT_FIRST = 8
"""The most findings that are shown at first. The page shows the others after a click."""
OF_A_TOPIC = 2
"""The most findings of one topic among those that are shown at first."""


def render(results: Results, summaries: Sequence[Summary] | None = None) -> str:
    """Return the page as HTML. `summaries`: those of the results, to avoid making them again."""
    summaries = summarise(results) if summaries is None else list(summaries)
    selection = select(results, summaries)
    with_twins = replace(selection, summaries=tuple(summaries))
    without_twins = replace(
        selection, summaries=tuple(summary for summary in summaries if not summary.case.twin)
    )
    all_findings = findings.find(results, summaries)
    cautions = [finding for finding in all_findings if finding.topic == findings.CAUTION]
    all_findings = [finding for finding in all_findings if finding not in cautions]
    lead = headlines(all_findings)
    header = results.header
    return render_page(
        "single.html.j2",
        title=header.label or header.profile or results.folder.name,
        created_at=header.created_at,
        question=facts.question(selection),
        facts=facts.facts(results, selection),
        command=header.command or "",
        run_file=RUN_FILE,
        folder=results.folder.name,
        cautions=cautions,
        lead=lead,
        more=by_topic([finding for finding in all_findings if finding not in lead]),
        intervals=selection.intervals_in_words,
        enough_rounds=ENOUGH_ROUNDS,
        backends=backends(selection),
        sections=sections(results, summaries, selection),
        charts=figures.charts(selection),
        tables=tables.tables(without_twins, floors(summaries)),
        traces=list(cases.traces(with_twins)),
        cards=fairness.cards(header),
        unlike=fairness.unlike(header, [summary.case for summary in without_twins.summaries]),
        selection=selection,
        anchors=cases.anchors(header.plan),
    )


def sections(results: Results, summaries: Sequence[Summary], selection: Selection) -> list[Section]:
    """Return the sections of the studies that these results have data for."""
    candidates = (
        study.call(study.report, results, summaries, selection)
        for study in studies()
        if study.report
    )
    return [section for section in candidates if section]


def headlines(found: Sequence[Finding]) -> list[Finding]:
    """Return the findings that are shown at first, in the order of the page.

    These are the first finding of each topic, then a second one of each while there are fewer than
    `AT_FIRST`. The first finding on the harness's overhead is not among them.
    """
    topics = by_topic(found)
    chosen = {id(members[0]) for topic, members in topics.items() if topic != "The harness"}
    for members in topics.values():
        for finding in members[1:OF_A_TOPIC]:
            if len(chosen) < AT_FIRST:
                chosen.add(id(finding))
    return [finding for finding in found if id(finding) in chosen]


def by_topic(found: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Return topic -> findings, both in the given order."""
    topics: dict[str, list[Finding]] = {}
    for finding in found:
        topics.setdefault(finding.topic, []).append(finding)
    return topics


def backends(selection: Selection) -> list[LegendEntry]:
    """Return the backends in the order of every chart."""
    return [
        LegendEntry(place, look, hue(look, selection.looks))
        for place, look in enumerate(selection.looks.values())
    ]
