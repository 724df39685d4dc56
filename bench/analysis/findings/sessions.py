"""The cost of a session for every operation, and of a transaction that the library begins."""

from collections.abc import Iterator
from dataclasses import replace

from bench.analysis.findings.finding import Finding, clients, rounds, times, work
from bench.analysis.findings.judge import Judgement, judge
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.results.file import Results

TOPIC = "Sessions and transactions"


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    known = {
        summary.case: summary
        for summary in selection.summaries
        if not selection.looks[_of(summary)].null
    }
    found: list[tuple[Judgement, str, Summary, Summary]] = []
    for case, summary in known.items():
        if case.session_scope == "operation":
            kept = known.get(replace(case, session_scope="task"))
            found += _slower("a new session for every operation", summary, kept, selection.floor)
        if case.transactions == "implicit":
            plain = known.get(replace(case, transactions="autocommit"))
            found += _slower(
                "the transaction that the library begins", summary, plain, selection.floor
            )
    for judged, what, summary, plain in sorted(found, key=lambda pair: -pair[0].ratio.median):
        where = f"{work(summary.case)} through `{summary.case.backend}` {clients(summary.case)}"
        sentence = f"{what[0].upper()}{what[1:]} makes {where} take {times(judged.ratio)} as long."
        evidence = f"throughput in {rounds(judged.ratio.rounds)}"
        yield Finding(TOPIC, sentence, evidence, (summary.case, plain.case))


def _slower(
    what: str, summary: Summary, plain: Summary | None, floor: NoiseFloor | None
) -> list[tuple[Judgement, str, Summary, Summary]]:
    judged = judge(plain, summary, floor) if plain else None
    if plain is None or judged is None or not judged.apart or judged.ratio.median <= 1:
        return []
    return [(judged, what, summary, plain)]


def _of(summary: Summary) -> str:
    return summary.case.backend
