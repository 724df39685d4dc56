"""The warnings about the results, as the first of the findings."""

from collections.abc import Iterator

from bench.analysis.findings.finding import Finding
from bench.analysis.summary import Summary
from bench.analysis.warnings import result_warnings
from bench.results.file import Results

TOPIC = "Caution"


def findings(results: Results, summaries: list[Summary]) -> Iterator[Finding]:
    yield from _unverified(results)
    yield from _unfinished(results)
    for warning in result_warnings(results, summaries):
        sentence = f"{warning.symptom[0].upper()}{warning.symptom[1:]}. Likely: {warning.cause}."
        yield Finding(TOPIC, sentence, f"Try: {warning.cure}")


def _unverified(results: Results) -> Iterator[Finding]:
    if results.header.verified is None:
        sentence = (
            "The answers were not compared before they were timed: a backend may be fast and "
            "wrong. Leave `--no-verify` out."
        )
        yield Finding(TOPIC, sentence, "the header says so")


def _unfinished(results: Results) -> Iterator[Finding]:
    outcome = results.end.outcome if results.end else "killed"
    planned = set(results.header.plan)
    tried = {entry.case for entry in results.probed}
    tried |= {failure.case for failure in results.failures}
    missing = len(planned - tried - set(results.cases))
    if missing:
        sentence = f"{missing:,} of {len(planned):,} planned cases were not measured."
        yield Finding(TOPIC, sentence, f"the run was {outcome}, according to the file's last line")
