"""Charts that a second process draws, and the command that waits for it."""

import shutil
from pathlib import Path

import pytest

from bench.output import drawing
from tests.root import ROOT


def test_charts_are_drawn_while_the_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: of 107 s of a quick run, 9 were charts; and a next run beside them is disturbed."""
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path))
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(ROOT / "results" / "reference" / "run.jsonl", folder)
    told: list[str] = []
    drawing.wait(lambda: told.append("before"))
    process = drawing.draw_in_background(folder)
    drawing.wait(lambda: told.append("while"))
    assert process.wait() == 0
    assert told == ["while"]
    assert list((folder / "charts").glob("*.svg"))


def test_a_folder_without_results_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Defect: a process that nobody waits for would fail in silence."""
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path))
    drawing.draw_in_background(tmp_path / "nothing").wait()
    assert "could not make charts: cannot read" in capfd.readouterr().err
