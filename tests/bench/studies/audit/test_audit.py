"""The audit's command, its file, and its table."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cli.audit import audit
from bench.model.errors import BenchError, UsageError
from bench.server.database import Database
from bench.studies.audit import claims, document, processes, result_file, whole_commands
from bench.studies.audit.claim import Claim, Outcome
from bench.studies.audit.result_file import CheckedClaim
from bench.studies.overhead import overhead
from tests.bench.command import Bench

HOLDS = Claim("a", "One is one.", "counting", simulate=lambda: Outcome("1", "1", True))
FAILS = Claim("b", "One is two.", "counting", simulate=lambda: Outcome("1", "2|3", False, "4"))


def test_every_claim_has_a_name_of_its_own_and_one_way_to_be_tested() -> None:
    """Forbids a claim that `--claim` cannot choose, and a claim without a test."""
    names = [claim.name for claim in claims.CLAIMS]
    assert len(names) == len(set(names))
    for claim in claims.CLAIMS:
        assert (claim.simulate is None) != (claim.measure is None)


def test_a_claim_that_fails_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbids an audit whose exit code hides a claim that does not hold."""
    monkeypatch.setattr(claims, "CLAIMS", (HOLDS, FAILS))
    runner = CliRunner()
    assert runner.invoke(audit, ["--claim", "a"], standalone_mode=False).return_value == 0
    failed = runner.invoke(audit, [], standalone_mode=False)
    assert failed.return_value == 1
    assert "FAILS  b: One is two." in failed.output
    assert "1 of 2 claims hold." in failed.output


def test_the_file_holds_what_the_table_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "CLAIMS", (HOLDS, FAILS))
    CliRunner().invoke(audit, ["--out", str(tmp_path / "new")], standalone_mode=False)
    read = result_file.read(tmp_path / "new")
    assert [claim.name for claim in read.claims] == ["a", "b"]
    table = document.table(read.claims)
    assert "| One is one. | counting | 1 | 1 |  | yes |" in table
    assert r"| One is two. | counting | 1 | 2\|3 | 4 | **no** |" in table


def test_a_claim_that_is_tested_alone_leaves_the_others_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: `bench audit --claim a --out DIR` left that one alone in a file of all claims."""

    def tested(*words: str) -> list[CheckedClaim]:
        arguments = [*words, "--out", str(tmp_path)]
        CliRunner().invoke(audit, arguments, standalone_mode=False, catch_exceptions=False)
        return list(result_file.read(tmp_path).claims)

    old = Claim("old", "Of old.", "counting", simulate=lambda: Outcome("1", "1", True))
    monkeypatch.setattr(claims, "CLAIMS", (HOLDS, FAILS, old))
    assert [claim.where for claim in tested()] == ["", "", ""]
    other = Claim("c", "New.", "counting", simulate=lambda: Outcome("1", "1", True))
    monkeypatch.setattr(claims, "CLAIMS", (HOLDS, FAILS, other))
    both = tested("--claim=a", "--claim=c")
    assert [claim.name for claim in both] == ["a", "b", "c"]
    assert [bool(claim.where) for claim in both] == [True, False, True]
    assert f"| 1 | 1 ({both[0].where}) |" in document.table(both)
    assert [claim.where for claim in tested()] == ["", "", ""]
    (tmp_path / result_file.FILE).write_text("{")
    assert [claim.name for claim in tested("--claim=c")] == ["c"]


def test_bad_input_is_told_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="bench audit --out"):
        result_file.read(tmp_path)
    (tmp_path / result_file.FILE).write_text('{"format": 1')
    with pytest.raises(BenchError, match="is damaged"):
        result_file.read(tmp_path)
    with pytest.raises(UsageError, match="no claim named 'thruput'"):
        CliRunner().invoke(
            audit, ["--claim", "thruput"], standalone_mode=False, catch_exceptions=False
        )


def test_a_claim_becomes_a_line_with_its_outcome() -> None:
    line = CheckedClaim.of(FAILS, FAILS.test(None))
    assert (line.name, line.truth, line.measured, line.before) == ("b", "1", "2|3", "4")
    assert not line.holds


def test_samples_of_processes_are_merged_whole() -> None:
    """The audit's own claim, on a hundredth of its samples."""
    whole, _, _, size = processes.merging(processes.SAMPLES // 100)
    assert whole
    assert size > 100_000


OVERHEADS = """harness / bare loop: median of paired turns [95 % interval]
backend        at  throughput               client CPU per operation pairs
psycopg2        1  0.987 [0.974 to 0.999]   1.038 [1.022 to 1.054]      90  (not yet within 1.5 %)
core+asyncpg   16  0.992 [0.981 to 1.007]   1.010 [0.996 to 1.020]      30
"""


def test_the_worst_line_of_the_harness_decides() -> None:
    """Forbids a claim that holds because most of its lines do, or that has no line."""
    outcome = whole_commands.harness_cost(OVERHEADS)
    assert outcome.measured == "throughput 0.987 to 0.992, CPU time 1.010 to 1.038 in 2 lines"
    assert outcome.holds
    assert not whole_commands.harness_cost(OVERHEADS.replace(" 1.010", " 1.051")).holds
    assert not whole_commands.harness_cost(OVERHEADS.replace(" 0.987", " 0.969")).holds
    with pytest.raises(BenchError, match="no server"):
        whole_commands.harness_cost("no server")


def test_the_audit_reads_what_the_command_prints(bench: Bench, database: Database) -> None:
    """Forbids an audit that misses the lines of a command whose table or limits have changed."""
    short = ("--pairs=2", "--seconds=0.01", "--backend=psycopg2", "--backend=asyncpg")
    done = bench("overhead", *short)
    assert done.code in {0, 1, 3}
    assert whole_commands.harness_cost(done.out).measured.endswith("in 4 lines")
    assert whole_commands.LEAST_THROUGHPUT == overhead.LEAST_THROUGHPUT
    assert whole_commands.MOST_CPU == overhead.MOST_CPU
