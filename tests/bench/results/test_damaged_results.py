"""Damaged results, made from valid ones, in every command that reads results."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings

from bench.cli.main import main
from bench.output.present import present
from bench.output.terminal.safe_text import safe
from tests.bench.results.damage import Damaged, damaged, valid

ODD, WELL = "2026-01-02T00-00-00Z-odd", "2026-01-01T00-00-00Z-well"

COMMANDS = (
    ("report", f"results/{ODD}"),
    ("report", f"results/{WELL}", f"results/{ODD}"),
    ("charts", f"results/{ODD}"),
    ("compare", WELL, ODD, "--force"),
    ("compare", ODD, WELL, "--force", "--format=github", "--no-charts", "--fail-on=10%"),
    ("compare", ODD, WELL, "--force", "--format=json", "--no-charts", "--figure=cpu"),
    ("compare", "previous", "latest", "--format=markdown", "--no-charts"),
    ("history",),
    ("export", f"results/{ODD}", "--format=csv", "--table=rounds"),
    ("export", f"results/{ODD}", "--format=csv", "--table=samples"),
    ("export", f"results/{ODD}", "--format=parquet"),
    ("export", f"results/{ODD}", "--format=pytest-benchmark"),
)


DRAWING = {"charts", "compare", "history"}
NOT_DRAWING = tuple(
    words for words in COMMANDS if words[0] not in DRAWING or "--no-charts" in words
)
"""The commands that read without drawing: an example takes a fifth of the time."""

ONE_IN = 5
"""So many of the many examples are drawn, too."""


@contextmanager
def home_of(content: bytes) -> Iterator[Path]:
    """Give a home, as the current folder, with two runs, one of them with this content."""
    before, argv = Path.cwd(), sys.argv
    with TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        home = Path(root) / "home"
        for name, text in ((WELL, valid(False).encode()), (ODD, content)):
            (home / "results" / name).mkdir(parents=True)
            (home / "results" / name / "run.jsonl").write_bytes(text)
        patch.setenv("GATHERBENCH_HOME", str(home))
        os.chdir(home)
        try:
            yield home
        finally:
            os.chdir(before)
            sys.argv = argv


def run(*words: str) -> tuple[int, str, str]:
    """Run a command like the console script. Return exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["bench", *words]
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


def outside(home: Path) -> list[Path]:
    """Return the files outside of results/ and of the figures that `bench history` keeps."""
    written = [path for path in home.parent.rglob("*") if path.is_file()]
    own = {home / "results", home / ".gatherbench" / "figures"}
    return [path for path in written if own.isdisjoint(path.parents)]


def check(content: bytes, *, charts: bool = True) -> None:
    """Run every command on the damaged file; without `charts` none that draws, which is slow."""
    with home_of(content) as home:
        for words in COMMANDS if charts else NOT_DRAWING:
            code, out, err = run(*words)
            assert code in (0, 1, 2) or (code == 3 and "--fail-on=10%" in words), (words, code)
            for text in (out, err):
                assert safe(text).replace("\r", "") == text.replace("\r", ""), words
            errors = err[err.find("error: ") :].splitlines() if "error: " in err else []
            assert len(errors) <= 2, err
            assert code == 0 or err, words
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as err:
            assert present(home / "results" / WELL, charts=False) == {}, err.getvalue()
        assert outside(home) == []
        index = (home / "results" / "index.html").read_text()
        assert ODD in index, "a run is listed, or named as left out"


EACH = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)


def test_the_file_that_is_damaged_here_is_valid() -> None:
    """Forbids that all examples are refused for the same unrelated reason."""
    for streaming in (False, True):
        with home_of(valid(streaming).encode()):
            for words in COMMANDS:
                code, _, err = run(*words)
                # Other rows, and no case in common: the two are not to be compared.
                unlike = streaming and (words[0] == "compare" or words == COMMANDS[1])
                # Three rounds are too few for a gate: it says that it is blind.
                blind = "--fail-on=10%" in words
                assert code == (2 if unlike else 3 if blind else 0), (words, err)


@settings(EACH, max_examples=5)
@given(damaged())
def test_a_damaged_result_is_named_and_spoils_nothing(file: Damaged) -> None:
    """Forbids tracebacks, writes outside of results/ and escape codes, for any content."""
    check(file.content)


@settings(EACH, max_examples=50)
@given(damaged())
def test_an_example_is_shown_in_few_words(file: Damaged) -> None:
    """Forbids that Hypothesis's warning of an overly large repr hides why an example failed."""
    assert len(repr(file)) < 20_000


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(EACH, max_examples=500)
@given(damaged())
def test_five_hundred_damaged_results(file: Damaged) -> None:
    """Forbids the same, for many more examples."""
    check(file.content, charts=sum(file.content) % ONE_IN == 0)
