"""The findings of a search: the answers, and how far the best and the last are apart."""

from collections.abc import Iterator

from bench.analysis.findings.finding import Finding, clients, work
from bench.analysis.selection import Selection
from bench.results.file import Results
from bench.studies.saturation.answers import answers
from bench.studies.saturation.search import CONFIRMING
from bench.studies.saturation.words import sentence

TOPIC = "Saturation"


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    """Yield a sentence for each search, the highest rate first, then one that compares them."""
    found = answers(results, [*selection.summaries, *selection.at_rate])
    for answer in sorted(found, key=lambda answer: -(answer.rate or 0)):
        windows = sum(len(summary.rounds) for summary in answer.summaries)
        evidence = f"{windows} windows at {len(answer.summaries)} rates; p99 of the response"
        cases = (answer.held.case,) if answer.held else (answer.closed,)
        yield Finding(TOPIC, sentence(answer), evidence, cases)
    confirmed = [answer for answer in found if answer.confirmed and answer.rate]
    if len(confirmed) > 1:
        best = max(confirmed, key=lambda answer: answer.rate or 0)
        last = min(confirmed, key=lambda answer: answer.rate or 0)
        factor = (best.rate or 0) / (last.rate or 1)
        words = (
            f"For {work(best.closed)} {clients(best.closed).replace('with ', 'through up to ')},"
            f" `{best.backend}` holds {factor:.1f}x the rate of `{last.backend}`"
        ).replace("through up to one ", "through one ")
        named = tuple(a.held.case for a in (best, last) if a.held)
        yield Finding(TOPIC, f"{words}.", f"each confirmed in {CONFIRMING} windows or more", named)
