"""Output that can't be made, or other runs that can't be read, never fail a measurement."""

import json
import re
from pathlib import Path

import pytest

from bench.model.errors import BenchError
from bench.output.attempts import Attempts
from bench.results.file import RUN_FILE, Recorder
from tests.bench import synthetic
from tests.bench.command import ONE_CASE, Bench

ODD = {
    "environment": {"kind": "header", "format": 3, "plan": [], "environment": "x"},
    "backends": {"kind": "header", "format": 3, "plan": [], "backends": [1]},
    "plan": {"kind": "header", "format": 3, "plan": 5},
    "later": {"kind": "header", "format": 99},
}


def test_odd_files_in_results_leave_a_run_as_it_is(bench: Bench) -> None:
    """Forbid a traceback, no table and exit code 1 after a measurement, for another run's file."""
    home = bench.folder / "results"
    for name, header in ODD.items():
        (home / name).mkdir(parents=True)
        (home / name / RUN_FILE).write_text(json.dumps(header) + "\n")
    (home / "deep").mkdir()
    (home / "deep" / RUN_FILE).write_text("[" * 100_000)
    (home / "csv").mkdir()
    (home / "csv" / RUN_FILE).write_text('{"kind":"header","format":3,"plan":[]}\n')
    (home / "csv" / "summary.csv").write_text("key," + "x" * 200_000)
    done = bench("run", *ONE_CASE, "--backend=null", "--no-verify", "--quiet")
    assert done.code == 0, done.err
    assert "operations/s" in done.out
    left_out = [line for line in done.err.splitlines() if line.startswith("left out: ")]
    assert len(left_out) == 4
    assert left_out[0].startswith(f"left out: {home}/backends/{RUN_FILE} is no results file")
    assert left_out[3] == "left out: 2 more runs; results/index.html names them"
    page = (home / "index.html").read_text()
    assert all(f"<li>{name}: " in page for name in (*ODD, "deep"))
    assert 'data-folder="csv"' in page


@pytest.fixture
def shown(tmp_path: Path) -> Bench:
    """A folder with a run in results/, without a database."""
    plan = synthetic.quick_plan(["asyncpg"])[:2]
    results = synthetic.results(tmp_path / "results" / "run", plan, 2)
    recorder = Recorder(results.folder)
    recorder.header(results.header)
    for run in results.runs:
        recorder.add(run)
    recorder.end("complete")
    recorder.close()
    return Bench(tmp_path)


def test_what_cannot_be_written_is_named_and_the_rest_is_made(shown: Bench) -> None:
    """Forbid that a report which can't be written stops the table and the charts."""
    folder = shown.folder / "results" / "run"
    (folder / "report.html").mkdir()
    (shown.folder / "results" / "index.html").mkdir()
    done = shown("charts", "results/run")
    assert done.code == 1, "drawing is the task of this command"
    # matplotlib may say that it builds its font cache, which takes long once.
    report, index = re.findall(r"^could not make .*$", done.err, re.MULTILINE)[:2]
    assert done.error[0].endswith("report.html: Is a directory.")
    for line, part in ((report, "report"), (index, "index")):
        assert line.startswith(f"could not make {part}: cannot write ")
        assert line.endswith(f"{part}.html: Is a directory. Try again: bench charts results/run")
    assert "operations/s" in done.out
    assert "figures  results/run/summary.csv" in done.out
    assert "report   " not in done.out
    assert list((folder / "charts").glob("*.svg"))


def test_a_report_is_made_without_the_index(shown: Bench) -> None:
    """Forbid exit code 1 for a report that was written."""
    (shown.folder / "results" / "index.html").mkdir()
    done = shown("report", "results/run")
    assert (done.code, done.out) == (0, "report   results/run/report.html\n")
    assert "could not make index: cannot write " in done.err


def test_a_run_that_cannot_be_shown_keeps_its_exit_code(bench: Bench) -> None:
    """Forbid exit code 1 after a successful measurement whose output can't be made."""
    (bench.folder / "sitecustomize.py").write_text(
        "import sys\nsys.modules['jinja2'] = None\n"  # the import of jinja2 fails
    )
    done = bench.measure("--backend=null", "--no-verify", "--quiet")
    assert done.code == 0
    assert "could not make report: ModuleNotFoundError: " in done.err
    assert "operations/s" in done.out


def test_an_attempt_names_what_why_and_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    """Forbid a missing part without a message."""
    attempts = Attempts("bench charts results/a")
    for part, error in (
        ("charts", ValueError("no\nmore")),
        ("index", BenchError("cannot read it.\nTry more.")),
        ("report", PermissionError(13, "Permission denied", "report.html")),
    ):
        with attempts.at(part):
            raise error
    assert list(attempts.failed) == ["charts", "index", "report"]
    assert capsys.readouterr().err.splitlines() == [
        "could not make charts: ValueError: no. Try again: bench charts results/a",
        "could not make index: cannot read it. Try again: bench charts results/a",
        "could not make report: cannot write report.html: Permission denied."
        " Try again: bench charts results/a",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_ctrl_c_and_a_closed_pipe_end_it(error: type[BaseException]) -> None:
    """Forbid a command that continues after Ctrl-C, or after `| head` has ended."""
    with pytest.raises(error), Attempts("").at("table"):
        raise error
