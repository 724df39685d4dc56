"""A finding needs its evidence: without it there is no finding."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.analysis import findings
from bench.analysis.findings.finding import Finding, times
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary, summarise
from bench.analysis.warnings import result_warnings
from bench.model.case import Case
from bench.results import file as results
from bench.results.entries import Failure
from bench.results.file import Results
from bench.results.header import Header
from tests.bench.analysis.findings.made_results import BARE, ORM, both, sentences, taken
from tests.root import REFERENCE


def without(found: Results, cases: tuple[Case, ...]) -> Results:
    """The same results, as if these cases had never been measured."""
    return replace(
        found,
        runs=[run for run in found.runs if run.case not in cases],
        memory=[memory for memory in found.memory if memory.case not in cases],
        failures=[failure for failure in found.failures if failure.case not in cases],
    )


@pytest.fixture(scope="module")
def reference() -> tuple[Results, list[Summary]]:
    found = results.load(REFERENCE)
    return found, summarise(found)


def test_the_reference_run_bears_findings_of_every_question(
    reference: tuple[Results, list[Summary]],
) -> None:
    topics = {finding.topic for finding in findings.find(*reference)}
    assert {"The price of layers", "Threads or asyncio", "Streaming"} <= topics
    assert {"Sessions and transactions", "The harness"} <= topics


def test_no_finding_outlives_its_evidence(reference: tuple[Results, list[Summary]]) -> None:
    """The property of the whole package: take away the cases, and the sentence is gone."""
    found, summaries = reference
    for finding in findings.find(found, summaries):
        if finding.cases:
            left = [each for each in summaries if each.case not in finding.cases]
            again = findings.find(without(found, finding.cases), left)
            assert finding.sentence not in {each.sentence for each in again}


def test_what_is_to_be_known_first_stands_first_with_what_to_type(
    reference: tuple[Results, list[Summary]],
) -> None:
    found, summaries = reference
    said = [each for each in findings.find(found, summaries) if each.topic == findings.CAUTION]
    assert said == findings.find(found, summaries)[: len(said)]
    assert len(said) == len(result_warnings(found, summaries))
    assert all(each.evidence.startswith("Try: ") for each in said)


def test_what_was_not_verified_or_not_measured_is_told() -> None:
    planned = Header(plan=(BARE, ORM), verified=None)
    told = sentences(replace(taken(BARE, [10**6] * 6), header=planned))
    assert any("were not compared" in each for each in told)
    assert any("1 of 2 planned cases were not measured" in each for each in told)
    whole = replace(taken(BARE, [10**6] * 6), header=Header(plan=(BARE,), verified={}))
    assert sentences(whole) == []


def test_every_finding_names_measured_cases_and_its_figures(
    reference: tuple[Results, list[Summary]],
) -> None:
    found, summaries = reference
    measured = {each.case for each in summaries}
    for finding in findings.find(found, summaries):
        assert set(finding.cases) <= measured
        assert finding.sentence.endswith(".")
        if finding.topic == findings.CAUTION:
            continue
        assert re.search(r"\d", finding.evidence), finding


def test_drawn_again_the_findings_are_the_same(reference: tuple[Results, list[Summary]]) -> None:
    assert findings.find(*reference) == findings.find(*reference)


def test_nothing_measured_bears_nothing() -> None:
    assert findings.find(Results(Path(), Header())) == []


@pytest.mark.parametrize("figures", [[1_000_000], []], ids=["one round", "no round"])
def test_without_two_rounds_nothing_is_compared(figures: list[int]) -> None:
    found = both(taken(BARE, figures), taken(ORM, [8 * each for each in figures]))
    assert not [each for each in findings.find(found) if each.cases]


def test_a_case_that_failed_supports_nothing_and_is_named() -> None:
    found = both(taken(BARE, [1_000_000] * 6), taken(ORM, [4_000_000] * 6))
    found.failures.append(Failure(ORM, 1, "the server is gone"))
    kept = findings.find(found)
    assert [
        each
        for each in kept
        if each.topic == findings.CAUTION and "the server is gone" in each.sentence
    ]
    assert not [each for each in kept if each.topic == "The price of layers"]


def test_a_finding_of_any_probe_leads_only_to_cases_of_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Defect: each probe had to leave out cases that it alone had, or the page was not written."""
    counted = replace(BARE, concurrency=77)
    of_a_probe = SimpleNamespace(
        findings=lambda *_: [Finding("Counted", "One.", "by a probe", (counted, BARE, ORM))]
    )
    monkeypatch.setattr(findings, "LATER_FAMILIES", (of_a_probe,))
    header = Header(plan=(BARE, ORM))
    found = findings.find(replace(taken(BARE, [10**6] * 6), header=header))
    assert [each.cases for each in found if each.topic == "Counted"] == [(BARE, ORM)]


def test_a_ratio_is_not_rounded_out_of_its_interval() -> None:
    """Forbid `1.0x (1.01 to 1.05)`."""
    assert times(Interval(1.03, 1.01, 1.05, 12)) == "1.03x (1.01 to 1.05)"
    assert times(Interval(1.04, 0.738, 1.45, 12)) == "1.0x (0.738 to 1.45)"
    assert times(Interval(1234.0, 1233.0, 1240.0, 12)) == "1,234x (1,233 to 1,240)"
