"""What only shows a measurement can't fail it: neither other runs, nor what can't be written."""

import json
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
    """Forbids a traceback, no table and exit code 1 after measuring, for a file of another run."""
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
    told = [line for line in done.err.splitlines() if line.startswith("left out: ")]
    assert len(told) == 4
    assert told[0].startswith(f"left out: {home}/backends/{RUN_FILE} is damaged: ")
    assert told[3] == "left out: 2 more runs; results/index.html names them"
    page = (home / "index.html").read_text()
    assert all(f"<li>{name}: " in page for name in (*ODD, "deep"))
    assert 'data-folder="csv"' in page


@pytest.fixture
def shown(tmp_path: Path) -> Bench:
    """A run in results/, and no database."""
    made = synthetic.results(tmp_path / "results" / "run", synthetic.quick_plan(["asyncpg"])[:2], 2)
    recorder = Recorder(made.folder)
    recorder.header(made.header)
    for run in made.runs:
        recorder.add(run)
    recorder.end("complete")
    recorder.close()
    return Bench(tmp_path)


def test_what_cannot_be_written_is_named_and_the_rest_is_made(shown: Bench) -> None:
    """Forbids that a report which can't be written takes the table and the charts with it."""
    folder = shown.folder / "results" / "run"
    (folder / "report.html").mkdir()
    (shown.folder / "results" / "index.html").mkdir()
    done = shown("charts", "results/run")
    assert done.code == 1, "here, to draw is what was asked for"
    report, index, *_ = done.err.splitlines()
    assert done.error[0].endswith("report.html: Is a directory.")
    for line, part in ((report, "report"), (index, "index")):
        assert line.startswith(f"could not make {part}: cannot write ")
        assert line.endswith(f"{part}.html: Is a directory. Try again: bench charts results/run")
    assert "operations/s" in done.out
    assert "figures  results/run/summary.csv" in done.out
    assert "report   " not in done.out
    assert list((folder / "charts").glob("*.svg"))


def test_a_report_is_made_without_the_index(shown: Bench) -> None:
    """Forbids exit code 1 for a report that was written."""
    (shown.folder / "results" / "index.html").mkdir()
    done = shown("report", "results/run")
    assert (done.code, done.out) == (0, "report   results/run/report.html\n")
    assert done.err.startswith("could not make index: cannot write ")


def test_a_run_that_cannot_be_shown_keeps_its_exit_code(bench: Bench) -> None:
    """Forbids exit code 1 after a measurement that went well, for its pictures alone."""
    (bench.folder / "sitecustomize.py").write_text(
        "import sys\nsys.modules['jinja2'] = None\n"  # as where it is broken
    )
    done = bench.measure("--backend=null", "--no-verify", "--quiet")
    assert done.code == 0
    assert "could not make report: ModuleNotFoundError: " in done.err
    assert "operations/s" in done.out


def test_an_attempt_names_what_why_and_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    """Forbids a part that is missing without a word."""
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
    """Forbids a command that goes on after Ctrl-C, or after `| head` has gone."""
    with pytest.raises(error), Attempts("").at("table"):
        raise error
