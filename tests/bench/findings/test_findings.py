"""A finding stands on its evidence: without it there is none, and noise is no difference."""

import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bench import findings
from bench.case import Case, Fetch
from bench.cautions import cautions
from bench.findings import Finding, between
from bench.findings.judge import judge, judge_rounds, judge_runs
from bench.ratios import ENOUGH_ROUNDS
from bench.results import file as results
from bench.results.entries import Failure, Memory, Proof
from bench.results.file import Results
from bench.summary import Summary, summarise
from bench.verdict import compare
from tests.bench import synthetic

REFERENCE = Path(__file__).parents[3] / "results" / "reference"
ORM_STREAM = Case("orm+asyncpg", synthetic.MANY, Fetch("streamed"))
BARE, ORM = Case("asyncpg", synthetic.POINT), Case("orm+asyncpg", synthetic.POINT)


def without(found: Results, cases: tuple[Case, ...]) -> Results:
    """The same results, as if these cases had never been measured."""
    return replace(
        found,
        runs=[run for run in found.runs if run.case not in cases],
        memory=[memory for memory in found.memory if memory.case not in cases],
        failures=[failure for failure in found.failures if failure.case not in cases],
    )


def taken(case: Case, durations_ns: list[int], **changes: object) -> Results:
    """One case, a round a duration."""
    made = Results(Path(), {"plan": [case.as_dict()], "backends": synthetic.BACKENDS})
    made.runs = [
        synthetic.constant_run(case, number, duration, **changes)
        for number, duration in enumerate(durations_ns)
    ]
    return made


def both(*parts: Results) -> Results:
    plan = [case for part in parts for case in part.header["plan"]]
    joined = Results(Path(), {"plan": plan, "backends": synthetic.BACKENDS})
    for part in parts:
        joined.runs += part.runs
        joined.memory += part.memory
    return joined


def sentences(found: Results, topic: str = "") -> list[str]:
    return [each.sentence for each in findings.find(found) if topic in ("", each.topic)]


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
    assert len(said) == len(cautions(found, summaries))
    assert all(each.evidence.startswith("Try: ") for each in said)


def test_what_was_not_verified_or_not_measured_is_told() -> None:
    planned = [BARE.as_dict(), ORM.as_dict()]
    told = sentences(replace(taken(BARE, [10**6] * 6), header={"plan": planned, "verified": None}))
    assert any("were not compared" in each for each in told)
    assert any("1 of 2 planned cases were not measured" in each for each in told)
    whole = replace(taken(BARE, [10**6] * 6), header={"plan": planned[:1], "verified": {}})
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
    assert findings.find(Results(Path(), {"plan": []})) == []


@pytest.mark.parametrize("figures", [[1_000_000], []], ids=["one round", "no round"])
def test_without_two_rounds_nothing_is_compared(figures: list[int]) -> None:
    found = both(taken(BARE, figures), taken(ORM, [8 * each for each in figures]))
    assert not [each for each in findings.find(found) if each.cases]


def test_the_price_of_a_layer_is_its_ratio_with_its_interval() -> None:
    bare = taken(BARE, [1_000_000, 1_010_000, 990_000] * 2)
    orm = taken(ORM, [4_000_000, 4_040_000, 3_960_000] * 2)
    (sentence,) = sentences(both(bare, orm), "The price of layers")
    assert sentence.startswith("`orm+asyncpg` takes 4.0x (4.00 to 4.00) as long as `asyncpg`")


def test_client_cpu_is_blamed_only_for_what_it_is() -> None:
    """Of 3 ms more, 2.7 are the client's in the one, 0.3 in the other."""
    bare = taken(BARE, [1_000_000] * 6, client_cpu_ns=1000 * 500_000)
    busy = taken(ORM, [4_000_000] * 6, client_cpu_ns=250 * 3_200_000)
    idle = taken(ORM, [4_000_000] * 6, client_cpu_ns=250 * 800_000)
    (blamed,) = sentences(both(bare, busy), "The price of layers")
    (spared,) = sentences(both(bare, idle), "The price of layers")
    assert blamed.endswith("nearly all of it client CPU.")
    assert "CPU" not in spared


def test_a_collector_that_takes_much_is_told() -> None:
    """Forbids to leave unsaid what takes half of a large fetch, and has a cure."""
    busy = taken(ORM, [4_000_000] * 6, client_cpu_ns=1_000_000_000, gc_ns=400_000_000)
    (told,) = sentences(busy, "The garbage collector")
    assert told == (
        "Python's garbage collector took 40 % and more of the CPU time of `orm+asyncpg` for a point"
        " read, buffered, at 1."
    )
    for others in ({"gc_ns": 200_000_000}, {"gc_ns": 0}, {"gc_ns": None}):
        spared = taken(ORM, [4_000_000] * 6, client_cpu_ns=1_000_000_000, **others)
        assert sentences(spared, "The garbage collector") == []
    for case, cpu_ns in ((replace(ORM, frozen=True), 1_000_000_000), (ORM, 99_000_000)):
        spared = taken(case, [4_000_000] * 6, client_cpu_ns=cpu_ns, gc_ns=90_000_000)
        assert sentences(spared, "The garbage collector") == []


def test_equal_layers_have_no_price() -> None:
    bare = taken(BARE, [1_000_000, 1_030_000, 980_000])
    orm = taken(ORM, [1_010_000, 990_000, 1_020_000])
    assert sentences(both(bare, orm), "The price of layers") == []


def test_what_a_case_shows_against_its_twin_is_no_difference() -> None:
    """20 % between a case and itself: then 10 % between two others is noise, and four times not."""
    sure = [10**6, 10**6 + 1, 10**6 + 2, 10**6 + 3, 10**6 + 4, 10**6 + 5]
    psycopg = Case("psycopg-async", synthetic.POINT)
    parts = [
        taken(BARE, sure),
        taken(replace(BARE, twin=True), [each * 6 // 5 for each in sure]),
        taken(psycopg, [each * 11 // 10 for each in sure]),
        taken(ORM, [each * 4 for each in sure]),
    ]
    found = both(*parts)
    (sentence,) = sentences(found, "Inside the noise")
    assert "between `psycopg-async` and `asyncpg` is inside the noise floor" in sentence
    assert sentences(found, "Drivers") == []
    assert len(sentences(found, "The price of layers")) == 1
    without_floor = both(*parts[:1], *parts[2:])
    assert sentences(without_floor, "Inside the noise") == []
    assert len(sentences(without_floor, "Drivers")) == 1


@pytest.mark.parametrize("rounds", range(6, 12))
def test_findings_and_verdicts_agree_where_verdicts_decide(rounds: int) -> None:
    random = Random(rounds)
    for shift in (1.0, 1.05, 1.3):
        for _ in range(20):
            one, other = (
                taken(case, [int(1e6 * by * random.lognormvariate(0, 0.1)) for _ in range(rounds)])
                for case, by in ((BARE, 1.0), (ORM, shift))
            )
            bare, orm = summarise(both(one, other))
            judged = judge(orm, bare, None)
            assert judged
            assert judged.apart == (compare(bare, orm).word in ("faster", "slower"))


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


def test_asyncio_and_threads_are_told_apart_where_they_differ_and_only_there() -> None:
    parts = []
    for concurrency, tasks_ns in ((1, [1_000_000, 1_040_000, 970_000] * 2), (4, [500_000] * 6)):
        threads = Case("psycopg", synthetic.POINT, concurrency=concurrency, loop="none")
        tasks = Case("psycopg-async", synthetic.POINT, concurrency=concurrency)
        parts += [taken(threads, [1_000_000, 990_000, 1_010_000] * 2), taken(tasks, tasks_ns)]
    (sentence,) = sentences(both(*parts), "Threads or asyncio")
    assert "asyncio beats threads by 2.0x (1.98 to 2.02) at 4; indistinguishable at 1" in sentence


def streamed(first_row: float, peak: int | None, batch_size: int | None = None) -> Results:
    """A stream of 10,000 rows whose first row comes at that share of the whole, and its rival."""
    case = Case("orm+asyncpg", synthetic.MANY, Fetch("streamed", batch_size))
    buffered = Case("orm+asyncpg", synthetic.MANY)
    made = both(taken(case, [100_000_000] * 6), taken(buffered, [100_000_000] * 6))
    for run in made.runs:
        for at in range(len(run.samples)):
            run.samples.rows[at] = 10_000
        if run.case == case:
            run.samples.first_row_ns.extend([int(1e8 * first_row)] * len(run.samples))
    if peak is not None:
        made.memory = [Memory(case, peak, 10_000), Memory(buffered, 24_000_000, 10_000)]
    return made


def buffers(found: Results) -> list[str]:
    return [each for each in sentences(found, "Streaming") if "buffered everything" in each]


def test_a_stream_that_is_none_is_found_out() -> None:
    (sentence,) = buffers(streamed(0.98, 23_900_000))
    assert "streamed without a batch size" in sentence
    assert "98 % of the whole, 23.9 MB (buffered: 24.0 MB)" in sentence


def test_a_read_that_fails_late_is_proof_for_and_against_it() -> None:
    """It speaks louder than memory, which an allocator may have kept."""
    for delivered, found in ((0, 1), (80_000, 0)):
        made = streamed(0.98, 23_900_000)
        proof = Proof(ORM_STREAM, 90_000, delivered, 1, 1, "idle", 1, 1)
        assert len(buffers(replace(made, proofs=[proof]))) == found


@pytest.mark.parametrize(
    "honest",
    [
        streamed(0.02, 24_000_000),
        streamed(0.98, 1_000_000),
        streamed(0.98, None),
        streamed(0.6, 24_000_000, 5_000),
    ],
    ids=["early first row", "little memory", "nothing but late", "two batches in all"],
)
def test_a_stream_that_is_one_is_not_accused(honest: Results) -> None:
    assert buffers(honest) == []


def test_a_saturated_client_is_told() -> None:
    case = replace(BARE, concurrency=16)
    busy = taken(case, [1_000_000] * 6, client_cpu_ns=970_000_000)
    idle = taken(case, [1_000_000] * 6, client_cpu_ns=500_000_000)
    (told,) = sentences(busy, findings.CAUTION)
    assert "(97%)" in told
    assert "the GIL is the limit there, not the database" in told
    assert sentences(idle, findings.CAUTION) == []


def test_noise_is_called_a_difference_no_more_than_it_may_be() -> None:
    """A/A: both sides from one distribution. At 95 % about one of twenty; of few rounds, none."""
    random = Random(3)

    def noise(rounds: int) -> dict[int, float]:
        return {number: random.lognormvariate(0, 0.2) for number in range(rounds)}

    for rounds in (2, 5, 6, 10):
        judged = [judge_rounds(noise(rounds), noise(rounds)) for _ in range(400)]
        wrong = sum(each.apart for each in judged if each)
        assert wrong <= (0.08 * 400 if rounds >= ENOUGH_ROUNDS else 0), (rounds, wrong)


def test_a_real_difference_is_seen_through_noise() -> None:
    random = Random(3)
    slow = {number: 2 * random.lognormvariate(0, 0.1) for number in range(ENOUGH_ROUNDS)}
    quick = {number: random.lognormvariate(0, 0.1) for number in range(ENOUGH_ROUNDS)}
    judged = judge_rounds(slow, quick)
    assert judged
    assert judged.apart


@pytest.mark.parametrize("rounds", [2, ENOUGH_ROUNDS - 1])
def test_of_few_rounds_nothing_is_called_different_nor_alike(rounds: int) -> None:
    slow, quick = dict.fromkeys(range(rounds), 4.0), dict.fromkeys(range(rounds), 1.0)
    for judged in (judge_rounds(slow, quick), judge_runs([4.0] * rounds, [1.0] * rounds)):
        assert judged
        assert not judged.decided
        assert not judged.apart
    before, after = (summarise(taken(BARE, [ns] * rounds)) for ns in (10**6, 4 * 10**6))
    (change,) = between.changes(before, after)
    assert change.verdict == "undecided"
    assert between.between([change], "a", "b") == []


def test_a_ratio_and_its_inverse_are_judged_alike() -> None:
    bare, orm = summarise(both(taken(BARE, [10**6] * 6), taken(ORM, [4 * 10**6] * 6)))
    there, back = judge(bare, orm, None), judge(orm, bare, None)
    assert there
    assert back
    assert there.apart
    assert back.apart
    assert there.ratio.median * back.ratio.median == pytest.approx(1)


def test_between_runs_what_changed_is_named_with_how_much() -> None:
    before = summarise(taken(BARE, [1_000_000, 1_020_000, 990_000, 1_005_000] * 2))
    after = summarise(taken(BARE, [1_250_000, 1_260_000, 1_240_000, 1_255_000] * 2))
    found = between.changes(before, after)
    assert [each.verdict for each in found] == ["slower"]
    lead, one = between.between(found, "a", "b")
    assert "0 faster, 1 slower, 0 indistinguishable" in lead.sentence
    assert "as fast in `a` as in `b`" in one.sentence


def test_between_runs_the_same_is_indistinguishable() -> None:
    made = summarise(taken(BARE, [1_000_000, 1_020_000, 990_000] * 2))
    (change,) = between.changes(made, made)
    assert change.verdict == "indistinguishable"
    findings_ = between.between([change], "a", "a again")
    assert len(findings_) == 1
    assert isinstance(findings_[0], Finding)


def test_between_runs_one_round_says_nothing() -> None:
    made = summarise(taken(BARE, [1_000_000]))
    assert judge_runs([1.0], [2.0]) is None
    assert between.between(between.changes(made, made), "a", "b") == []
