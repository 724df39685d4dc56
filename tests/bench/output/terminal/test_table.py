"""The tables at the end of a run, as a terminal without colours prints them."""

import re
from array import array
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console

from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.output.terminal.table import render
from bench.results.entries import Failure
from bench.results.file import Results
from bench.results.samples import Samples
from tests.bench import synthetic

CASES = [
    Case(name, synthetic.POINT, concurrency=4) for name in ("psycopg2", "asyncpg", "null-async")
]


def printed(results: Results, width: int = 100) -> list[str]:
    out = StringIO()
    Console(file=out, width=width).print(render(results))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def line_of(lines: list[str], backend: str) -> str:
    """Return the only line of a backend."""
    (line_of_backend,) = (line for line in lines if line.startswith(f"{backend} "))
    return line_of_backend


def test_the_quick_profile_fits_and_says_how_it_was_measured(tmp_path: Path) -> None:
    lines = printed(synthetic.results(tmp_path))
    assert max(len(line) for line in lines) <= 100
    text = "\n".join(lines)
    assert "…" not in text
    assert "…" not in "\n".join(printed(synthetic.results(tmp_path), width=80))
    assert "\x1b" not in text
    assert "Closed loop, 3 rounds of 0.2 s" in text
    assert "get_total_cost_of_an_order, at 16" in text
    assert "implicit transactions" in text
    assert re.search(r"^ +rows/s .*\nbackend +fetch +k ", text, re.M)


def test_the_noise_floor_is_told_and_is_no_row(tmp_path: Path) -> None:
    """Forbid that the twin is shown as a backend."""
    twin = replace(CASES[0], twin=True)
    results = synthetic.of_durations(
        tmp_path, {CASES[0]: [1_000_000] * 6, CASES[1]: [900_000] * 6, twin: [1_100_000] * 6}
    )
    lines = printed(results)
    assert line_of(lines, "psycopg2")
    assert "Noise floor: 1.10x for several clients (from 1 equal pair)." in str(lines)
    assert not any("twin" in line for line in lines)


def test_what_paired_rounds_do_not_tell_apart_is_not_ranked(tmp_path: Path) -> None:
    third = Case("psycopg", synthetic.POINT, concurrency=4)
    results = synthetic.of_durations(
        tmp_path,
        {
            CASES[0]: [1_000_000, 1_200_000, 1_100_000],
            CASES[1]: [1_150_000, 1_100_000, 1_250_000],
            third: [3_000_000, 3_100_000, 3_200_000],
            CASES[2]: [1_000, 1_000, 1_000],
        },
    )
    lines = printed(results)
    assert "*" in line_of(lines, "psycopg2")
    assert "*" in line_of(lines, "asyncpg").split("±")[0]
    assert "*" not in line_of(lines, "psycopg").split("±")[0]
    assert "*" not in line_of(lines, "null-async")


def test_overlapping_rounds_are_ranked_where_one_is_always_behind(tmp_path: Path) -> None:
    """Forbid that a drift of all backends hides a difference between two."""
    third = Case("psycopg", synthetic.POINT, concurrency=4)
    results = synthetic.of_durations(
        tmp_path,
        {
            CASES[0]: [1_000_000, 1_500_000, 2_000_000],
            third: [1_200_000, 1_800_000, 2_400_000],
        },
    )
    lines = printed(results)
    assert "*" in line_of(lines, "psycopg2")
    assert "*" not in line_of(lines, "psycopg").split("±")[0]


def test_less_than_the_noise_floor_is_not_ranked(tmp_path: Path) -> None:
    third = Case("psycopg", synthetic.POINT, concurrency=4)
    twin = replace(CASES[0], twin=True)
    durations = {
        CASES[0]: [1_000_000] * 6,
        CASES[1]: [1_050_000] * 6,
        third: [2_000_000] * 6,
        twin: [1_100_000] * 6,
    }
    assert (
        "*"
        in line_of(printed(synthetic.of_durations(tmp_path, durations)), "asyncpg").split("±")[0]
    )
    durations[twin] = [1_000_000] * 6
    lines = printed(synthetic.of_durations(tmp_path, durations))
    assert "*" not in line_of(lines, "asyncpg").split("±")[0]
    assert not any("surer" in line for line in lines)


def test_a_column_in_which_any_may_be_the_best_has_no_marks(tmp_path: Path) -> None:
    durations = {
        CASES[0]: [1_000_000, 1_200_000, 1_100_000],
        CASES[1]: [1_150_000, 1_100_000, 1_250_000],
    }
    lines = printed(synthetic.of_durations(tmp_path, durations))
    assert not any("*" in line for line in lines if line.startswith(("psycopg2", "asyncpg")))
    assert any("For a surer ranking: --rounds 6." in line for line in lines)


def test_one_round_is_not_ranked(tmp_path: Path) -> None:
    lines = printed(synthetic.of_durations(tmp_path, {case: [1_000_000] for case in CASES}))
    assert not any("*" in line for line in lines)
    assert any("nothing is ranked" in line for line in lines)


def test_errors_are_marked_with_their_classes(tmp_path: Path) -> None:
    results = synthetic.of_durations(tmp_path, {case: [1_000_000, 1_000_000] for case in CASES})
    results.runs[0].samples.errors[3] = "UniqueViolation: duplicate key"
    text = "\n".join(printed(results))
    assert "errors" in text
    assert "psycopg2, buffered: 1 failed of 2,000: 1 UniqueViolation" in text


def test_what_was_planned_and_not_measured_is_said(tmp_path: Path) -> None:
    results = synthetic.of_durations(tmp_path, {CASES[0]: [1_000_000]})
    results.header = replace(results.header, plan=tuple(CASES))
    assert "2 of 3 planned cases were not measured." in printed(results)


def test_many_row_reads_compare_ways_to_take_rows(tmp_path: Path) -> None:
    plan = [
        Case("orm+asyncpg", synthetic.MANY, fetch)
        for fetch in (Fetch(), Fetch("streamed"), Fetch("batched", 1000))
    ]
    lines = printed(synthetic.results(tmp_path, plan))
    at = next(at for at, line in enumerate(lines) if line.startswith("backend"))
    assert lines[at - 1].split() == ["rows/s", "first", "row", "memory", "stall", "CPU/op"]
    assert lines[at].split() == ["backend", "fetch", "k", "ms", "MB", "ms", "ms"]
    assert [line.split()[1] for line in lines if line.startswith("orm+")] == [
        "buffered",
        "streamed",
        "batched:1000",
    ]


def test_nothing_measured_is_a_table_of_nothing(tmp_path: Path) -> None:
    assert printed(Results(tmp_path, synthetic.header([])))


def test_a_round_that_gave_nothing_is_told_beneath(tmp_path: Path) -> None:
    results = synthetic.of_durations(tmp_path, {case: [1_000_000, 1_000_000] for case in CASES})
    results.failures.append(Failure(CASES[1], 3, "the server is gone"))
    assert "  asyncpg, buffered: 1 round without figures: the server is gone" in printed(results)


def test_with_errors_a_table_of_many_rows_still_fits(tmp_path: Path) -> None:
    results = synthetic.results(tmp_path)
    results.failures += [Failure(case, 1, "gone") for case in results.cases]
    lines = printed(results)
    assert max(len(line) for line in lines) <= 100
    assert not any("…" in line for line in lines)


def test_both_loops_stand_in_one_table(tmp_path: Path) -> None:
    plan = [Case("asyncpg", synthetic.POINT, loop=loop) for loop in ("asyncio", "uvloop")]
    lines = printed(synthetic.results(tmp_path, [*plan, Case("psycopg2", synthetic.POINT)]))
    names = [line.split("  ")[0] for line in lines if line.startswith(("asyncpg", "psycopg2"))]
    assert names == ["asyncpg", "asyncpg uvloop", "psycopg2"]


def test_an_uncertain_rate_is_marked_in_its_cell_and_in_the_legend(tmp_path: Path) -> None:
    """Forbids a rate from too short a window that looks like any other."""
    long = replace(CASES[0], concurrency=8)
    samples = Samples(
        start_ns=array("q", [0] * 8),
        duration_ns=array("q", [90_000_000 * (place + 1) for place in range(8)]),
        rows=array("q", [1] * 8),
        worker=array("q", range(8)),
    )
    run = synthetic.constant_run(long, 1, 90_000_000, window_ns=50_000_000, samples=samples)
    lines = printed(Results(tmp_path, synthetic.header([long]), [run]))
    assert " ~11.1 " in line_of(lines, "psycopg2")
    assert "~ marks a rate from too short a window" in "\n".join(lines)
    steady = printed(synthetic.of_durations(tmp_path, {CASES[0]: [1_000_000] * 6}))
    assert "~" not in "\n".join(steady)


def test_a_quantile_of_too_few_operations_is_blank(tmp_path: Path) -> None:
    """Forbids a p99 that is the maximum of a dozen operations."""
    lines = printed(synthetic.of_durations(tmp_path, {CASES[0]: [200_000_000] * 6}))
    assert line_of(lines, "psycopg2").split()[3:6] == ["200", "200", "-"]
