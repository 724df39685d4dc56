"""The parts that claims are made of: runs with a known property, and the cost of a command."""

import subprocess
from pathlib import Path

import pytest

from bench.results import file as results
from bench.studies.audit import budget, commands, idle


def test_an_idle_client_is_warned_of_and_no_other() -> None:
    """Defect: with 1,000 clients some served nothing in a round, and no warning said so."""
    assert idle.warned(idle.CLIENTS - 1)
    assert not idle.warned(idle.CLIENTS)


def test_a_budget_ends_when_it_is_decided() -> None:
    """Forbids a claim about a rule that never decides, which would find no difference either."""
    decision, turns = budget.stopped(budget.NOISES["normal"], 0.7, seed=1)
    assert decision == "faster"
    assert turns < budget.TURNS


def test_a_run_made_for_a_claim_is_a_results_file(tmp_path: Path) -> None:
    """Forbids a claim about a command that found nothing to do."""
    commands.write_run(tmp_path / "run", cases=6, rounds=2)
    read = results.load(tmp_path / "run")
    assert len(read.cases) == 6
    assert len(read.runs) == 6 * 2
    assert all(len(run.samples) >= commands.SAMPLES for run in read.runs)


def test_the_cost_of_a_command_is_that_of_its_process() -> None:
    """Forbids a cost of 0, and a claim that holds since its command failed."""
    used = commands.cost("--version")
    assert used.cpu_s > 0
    assert used.peak_bytes > 1_000_000
    assert not used.within(cpu_s=0)
    assert not used.within(cpu_s=1e9, peak_bytes=1)
    with pytest.raises(subprocess.CalledProcessError):
        commands.cost("no-such-command")
