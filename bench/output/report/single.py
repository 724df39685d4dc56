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
"""Findings on the first screen; the others are a click below."""
OF_A_TOPIC = 2


def render(results: Results, summaries: Sequence[Summary] | None = None) -> str:
    """The page as HTML."""
    made = summarise(results) if summaries is None else list(summaries)
    selection = select(results, made)
    every = replace(selection, summaries=tuple(made))
    told = replace(selection, summaries=tuple(each for each in made if not each.case.twin))
    found = findings.find(results, made)
    cautions = [finding for finding in found if finding.topic == findings.CAUTION]
    found = [finding for finding in found if finding not in cautions]
    lead = headlines(found)
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
        more=by_topic([finding for finding in found if finding not in lead]),
        intervals=selection.intervals_in_words,
        enough_rounds=ENOUGH_ROUNDS,
        backends=backends(selection),
        sections=sections(results, made, selection),
        charts=figures.charts(selection),
        tables=tables.tables(told, floors(made)),
        traces=list(cases.traces(every)),
        cards=fairness.cards(header),
        unlike=fairness.unlike(header, [each.case for each in told.summaries]),
        selection=selection,
        anchors=cases.anchors(header.plan),
    )


def sections(results: Results, summaries: Sequence[Summary], selection: Selection) -> list[Section]:
    """Return the sections of the studies that have something to say of these results."""
    made = (
        study.call(study.report, results, summaries, selection)
        for study in studies()
        if study.report
    )
    return [section for section in made if section]


def headlines(found: Sequence[Finding]) -> list[Finding]:
    """For the first screen: the first of each topic, then seconds while there is room.

    In the order of the page. The harness's own cost is no headline.
    """
    topics = by_topic(found)
    chosen = {id(own[0]) for topic, own in topics.items() if topic != "The harness"}
    for own in topics.values():
        for finding in own[1:OF_A_TOPIC]:
            if len(chosen) < AT_FIRST:
                chosen.add(id(finding))
    return [finding for finding in found if id(finding) in chosen]


def by_topic(found: Sequence[Finding]) -> dict[str, list[Finding]]:
    topics: dict[str, list[Finding]] = {}
    for finding in found:
        topics.setdefault(finding.topic, []).append(finding)
    return topics


def backends(selection: Selection) -> list[LegendEntry]:
    """In the order of every chart."""
    return [
        LegendEntry(place, look, hue(look, selection.looks))
        for place, look in enumerate(selection.looks.values())
    ]
