"""What stands between the figures and belief: failures, other programs, what was left out."""

from collections.abc import Iterator

from bench.case import Case
from bench.findings.finding import Finding, cases
from bench.results import Results
from bench.stats import coverage
from bench.subject import Subject

TOPIC = "Caution"
LOADED = 0.5
"""Processes wanting a core before the measurement, for each core."""
FEW_ROUNDS = 5


def findings(results: Results, subject: Subject) -> Iterator[Finding]:
    yield from _loaded(results)
    yield from _failed(subject)
    yield from _unverified(results)
    yield from _unfinished(results)
    yield from _few_rounds(subject)


def _loaded(results: Results) -> Iterator[Finding]:
    host = (results.header.get("environment") or {}).get("host") or {}
    load, cores = host.get("load_1min"), host.get("cores")
    if load and cores and load > LOADED * cores:
        sentence = (
            "The machine was busy when the measurement began: other programs may have taken part "
            "in these figures. Measure again on a quiet one."
        )
        yield Finding(TOPIC, sentence, f"load average {load:.1f} on {cores} cores")


def _failed(subject: Subject) -> Iterator[Finding]:
    marked = [each for each in subject.summaries if each.marked]
    if marked:
        operations = sum(each.failed for each in marked)
        runs = sum(len(each.failures) for each in marked)
        sentence = f"In {cases(len(marked))} something failed: no finding rests on them."
        evidence = f"{operations:,} operations and {runs:,} runs"
        yield Finding(TOPIC, sentence, evidence, tuple(each.case for each in marked))


def _unverified(results: Results) -> Iterator[Finding]:
    if "verified" in results.header and results.header["verified"] is None:
        sentence = (
            "The answers were not compared before they were timed: a backend may be quick and "
            "wrong. Leave `--no-verify` out."
        )
        yield Finding(TOPIC, sentence, "the header says so")


def _unfinished(results: Results) -> Iterator[Finding]:
    outcome = (results.end or {}).get("outcome", "killed")
    planned = {Case.from_dict(case) for case in results.header["plan"]}
    tried = {each.case for each in results.proofs} | {each.case for each in results.failures}
    missing = len(planned - tried - set(results.cases))
    if missing:
        sentence = f"{missing:,} of {len(planned):,} planned cases were not measured."
        yield Finding(TOPIC, sentence, f"the run was {outcome}, as the file's last line has it")


def _few_rounds(subject: Subject) -> Iterator[Finding]:
    rounds = subject.rounds
    if 0 < rounds < FEW_ROUNDS:
        sentence = (
            f"{rounds} {'rounds show' if rounds > 1 else 'round shows'} only what differs much. "
            f"For smaller differences: `bench run --rounds 10`."
        )
        sure = (
            f"their lowest and highest enclose the true median {coverage(rounds):.0%} of the time"
        )
        yield Finding(TOPIC, sentence, sure if rounds > 1 else "one round has no interval")
