"""Each topic gives a finding where there is evidence, and none elsewhere."""

from dataclasses import replace

import pytest

from bench.analysis import findings
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.results.entries import Memory
from bench.results.file import Results
from bench.studies.streaming.entries import Proof
from tests.bench import synthetic
from tests.bench.analysis.findings.made_results import BARE, ORM, both, sentences, taken

ORM_STREAM = Case("orm+asyncpg", synthetic.MANY, Fetch("streamed"))


def test_the_price_of_a_layer_is_its_ratio_with_its_interval() -> None:
    bare = taken(BARE, [1_000_000, 1_010_000, 990_000] * 2)
    orm = taken(ORM, [4_000_000, 4_040_000, 3_960_000] * 2)
    (sentence,) = sentences(both(bare, orm), "The price of layers")
    assert sentence.startswith("`orm+asyncpg` takes 4.0x (4.00 to 4.00) as long as `asyncpg`")


def test_client_cpu_is_blamed_only_for_what_it_is() -> None:
    """The client takes 2.7 of the 3 ms added in one case, and 0.3 in the other."""
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
    """The proof outweighs memory, which an allocator may have kept."""
    for delivered, found in ((0, 1), (80_000, 0)):
        made = streamed(0.98, 23_900_000)
        proof = Proof(ORM_STREAM, 90_000, delivered, 1, 1, "idle", 1, 1)
        assert len(buffers(replace(made, probed=[proof]))) == found


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
