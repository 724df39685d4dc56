"""The figures that `bench history` keeps: always those of the file as it is."""

from pathlib import Path

import pytest

from bench.analysis.compare import kept_figures
from bench.analysis.compare.kept_figures import figures_of
from bench.analysis.figure import FIGURES
from bench.analysis.summary import summarise
from bench.model.case import Case
from bench.results.file import RUN_FILE, Recorder, Results, load
from tests.bench.analysis.compare.made_runs import POINT, SLOWER, run


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of the kept figures, which does not exist yet."""
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path))
    return tmp_path / ".gatherbench" / "figures"


def recorded(folder: Path, results: Results) -> Path:
    recorder = Recorder(folder)
    recorder.header(results.header)
    for entry in results.runs:
        recorder.add(entry)
    recorder.end("complete")
    recorder.close()
    return folder


def every(case: Case) -> bool:
    return True


def refused(*arguments: object) -> Results:
    pytest.fail("the results file was read again")


def test_a_history_reads_a_file_once(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: every `bench history` of all backends read all samples of all runs again: 72 s."""
    folder = recorded(tmp_path / "run", run(tmp_path))
    first = figures_of(folder, every)
    whole = {
        summary.case: {name: summary.by_round(figure) for name, figure in FIGURES.items()}
        for summary in summarise(load(folder))
    }
    assert first[1] == {
        case: {name: values for name, values in of.items() if values} for case, of in whole.items()
    }
    copied = tmp_path / "copied"
    copied.mkdir()
    (copied / RUN_FILE).write_bytes((folder / RUN_FILE).read_bytes())
    monkeypatch.setattr(kept_figures, "load", refused)
    assert figures_of(folder, every) == figures_of(copied, every) == first
    assert len(list(kept.iterdir())) == 1


def test_a_file_that_changed_has_its_own_figures(tmp_path: Path, kept: Path) -> None:
    """Forbids figures of a file as it was before."""
    folder = recorded(tmp_path / "run", run(tmp_path))
    before = figures_of(folder, every)[1]
    slower = recorded(tmp_path / "slower", run(tmp_path, SLOWER))
    (folder / RUN_FILE).write_bytes((slower / RUN_FILE).read_bytes())
    assert figures_of(folder, every)[1][POINT] != before[POINT]
    assert figures_of(folder, every) == figures_of(slower, every)


def test_cases_are_added_to_those_that_are_kept(tmp_path: Path, kept: Path) -> None:
    """Forbids that a case counts as not measured because another one was asked for before."""
    folder = recorded(tmp_path / "run", run(tmp_path))
    assert list(figures_of(folder, lambda case: case == POINT)[1]) == [POINT]
    assert len(figures_of(folder, every)[1]) > 1


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": {"b": [[0, "x"]]}}', b"\xff"])
def test_damaged_kept_figures_are_made_again(tmp_path: Path, kept: Path, content: bytes) -> None:
    """Forbids a traceback because of a file that only saves time."""
    folder = recorded(tmp_path / "run", run(tmp_path))
    figures = figures_of(folder, every)
    (file,) = kept.iterdir()
    file.write_bytes(content)
    assert figures_of(folder, every) == figures
    assert file.read_bytes() != content


def test_old_figures_are_forgotten(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids a folder that grows with every run for ever."""
    monkeypatch.setattr(kept_figures, "MOST_KEPT", 1)
    for name in ("one", "two"):
        slowdowns = SLOWER if name == "two" else None
        figures_of(recorded(tmp_path / name, run(tmp_path, slowdowns)), every)
    assert len(list(kept.iterdir())) == 1


def test_a_home_that_is_no_folder_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids that a disk that cannot be written makes a history impossible."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path / "file"))
    assert figures_of(recorded(tmp_path / "run", run(tmp_path)), every)[1]
