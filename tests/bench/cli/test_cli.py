"""The command line: it starts fast, and its errors are clear."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from bench.cli import main as cli
from bench.cli import reference as cli_reference
from bench.cli.db import db
from bench.cli.run import run
from tests.bench.command import BENCH

HEAVY = {"sqlalchemy", "matplotlib", "numpy", "scipy", "psycopg", "psycopg2", "asyncpg", "rich"}

Bench = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def bench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Bench]:
    """Give a function that runs a command in this process.

    It returns the exit code, the output, and the lines of the error. No server is started.
    """
    monkeypatch.setenv("GATHERBENCH_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    def command(*arguments: str) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, "argv", ["bench", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out, captured.err.splitlines()

    yield command
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("rum", "no command named 'rum': did you mean 'run'?"),
        ("run --backend asyncpgg", "no backend named 'asyncpgg': did you mean 'asyncpg'?"),
        ("run --workload mixd", "no workload named 'mixd': did you mean 'mixed'?"),
        ("run --profile quik", "no profile named 'quik': did you mean 'quick'?"),
        ("run --fetch batchd", "no fetch named 'batchd': did you mean 'batched'?"),
        ("run --fetch buffered:9", "no fetch named 'buffered:9': write streamed:100"),
        ("run --fetch batched:0", "no fetch named 'batched:0'"),
        ("run --bakcend null", "--backend"),
        ("run --loop trio", "'trio' is not one of 'asyncio', 'uvloop'"),
        ("run --rounds 0", "0 is not in the range 1<=x<=1000000"),
        ("run --seconds nan", "nan is not a number"),
        ("run --seconds inf", "inf is not in the range"),
        ("run --timeout nan", "nan is not a number"),
        ("run --rounds 99999999999999999999", "is not in the range"),
        ("run --concurrency 99999999999999999999", "concurrency must be at most 10,000"),
        ("run --fetch batched:99999999999999999999", "no fetch of so many rows at a time"),
        ("run --fetch batched:" + "9" * 5000, "no fetch of so many rows at a time"),
        ("run --seed 99999999999999999999", "is not from 0 to 4294967295"),
        ("run --scale 1e300", "makes no useful rows"),
        ("run --warm-up 1e300", "is not in the range"),
        ("run --workload mixed --seconds 3600", "too long for a run that writes"),
        ("streaming --rows 99999999999999999999", "is not in the range"),
        ("overhead --seconds inf", "is not in the range"),
        ("overhead --pairs 99999999999999999999", "is not in the range"),
        ("calibrate --generations 99999999999999999999", "is not in the range"),
        ("calibrate --backend psycopg2 --backend psycopg", "bench calibrate measures one backend"),
        ("calibrate --backend all", "bench calibrate measures one backend"),
        ("run --concurrency 1,x", "'1,x' is not a list of numbers"),
        ("run --concurrency 0", "concurrency must be at least 1"),
        ("run --scale 0", "--scale 0 makes no useful rows"),
        ("verify --scale 0", "--scale 0 makes no useful rows"),
        ("run --scale nan", "--scale nan makes no useful rows"),
        ("run --seed -1", "--seed -1 is not from 0"),
        ("run --label ///", "label '///' has no letter or digit to name a folder with"),
        ("run --label " + "l" * 201, "--label has 201 characters"),
        ("run --rate fast", "'fast' is no arrival rate"),
        ("run --rate 0", "'0' is no arrival rate"),
        ("run --rate 500,60000", "more than this generator can begin: about 50,000/s"),
        ("run --rate 500 --budget 60s", "--budget compares throughput, and --rate fixes it"),
        ("run --arrivals uniform", "--arrivals needs a rate"),
        ("run --rate 5 --workload get_customers --fetch streamed", "streamed does not fit --rate"),
        ("run --rate 150000 --concurrency 4 --processes 2", "about 100,000/s, in 2 processes"),
        ("run --rate 99999999999", "are more than this generator can begin"),
        ("saturate --processes 9", "9 processes cannot share 8 clients"),
        ("saturate --scheduler tcp:", "'tcp:' is no scheduler"),
        ("query SELECT --scheduler host:1", "'host:1' is no scheduler"),
        ("query SELECT --scheduler local:2 --latency 1ms", "--latency and --scheduler exclude"),
        ("run --rate 5 --loop uvloop --backend asyncpg", "uvloop does not fit --rate"),
        ("saturate --objective 0", "no response is that short"),
        ("saturate --objective soon", "'soon' is no duration"),
        ("saturate --workload mixd", "no workload named 'mixd': did you mean 'mixed'?"),
        ("saturate --latency 0,1ms", "a search has one network"),
        ("saturate --backend asyncpg --transactions implicit", "asyncpg begins no transaction"),
        ("run nonsense", "unexpected extra argument"),
        ("run --backend-module nowhere", "cannot use --backend-module nowhere"),
        ("run --backend asyncpg --transactions implicit", "asyncpg begins no transaction"),
        ("run --workload mixed --fetch streamed", "mixed has no rows to stream"),
        ("run --workload mixed --rows dict", "mixed has no rows to turn into dicts"),
        ("run --database-url mysql://u:hush@h/d", "must begin with postgresql://"),
        ("charts", "Missing argument 'FOLDER'"),
        ("export results --format xlsx", "'xlsx' is not one of 'pytest-benchmark', 'csv'"),
        ("export results --format pytest-benchmark --table rounds", "--table is for --format csv"),
        ("completion powershell", "'powershell' is not one of 'bash', 'zsh', 'fish'"),
    ],
)
def test_what_cannot_be_done_as_typed(
    bench: Bench, tmp_path: Path, arguments: str, words: str
) -> None:
    code, out, err = bench(*arguments.split())
    assert code == 2
    assert out == ""
    assert 1 <= len(err) <= 2
    assert err[0].startswith("error: ")
    assert words in "\n".join(err)
    assert "hush" not in "\n".join(err)
    assert list(tmp_path.rglob("run.jsonl")) == []


@pytest.mark.parametrize("content", [None, "", "{garbage\n", '{"kind": "header", "format": 99}\n'])
def test_charts_of_what_cannot_be_read(bench: Bench, tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "run.jsonl").write_text(content)
    code, out, err = bench("charts", str(tmp_path))
    assert (code, out, len(err)) == (1, "", 2)


def test_help_documents_every_option(bench: Bench) -> None:
    code, out, _ = bench("run", "--help")
    assert code == 0
    for parameter in run.params:
        assert parameter.opts[0] in out
        assert getattr(parameter, "help", None), parameter.name


def test_every_command_has_help_with_an_example() -> None:
    pages = cli_reference.reference().split("\n## ")[1:]
    assert len(pages) > len(cli.COMMANDS)
    assert [page.splitlines()[0] for page in pages if "\n  Example" not in page] == []


def test_the_version_is_told(bench: Bench) -> None:
    code, out, _ = bench("--version")
    assert (code, out) == (0, f"bench, version {version('gatherbench')}\n")


def imported(*command_lines: str) -> set[str]:
    """Return the packages that one process has imported after all of these command lines."""
    code = (
        "import sys\nfrom bench.cli import main as cli\n"
        "for line in sys.argv[1:]:\n"
        "    try:\n        cli.cli.main(line.split(), 'bench', standalone_mode=False)\n"
        "    except SystemExit:\n        pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *command_lines]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


def test_the_program_and_its_help_import_nothing_heavy() -> None:
    assert not imported() & HEAVY
    assert not imported("--help") & HEAVY


def test_no_command_imports_anything_heavy_for_its_help() -> None:
    """Defect: `bench calibrate --help` took 0.26 s of CPU, and others 0.06 s: it imported numpy."""
    subcommands = [f"db {name}" for name in db.commands]
    assert not imported(*(f"{name} --help" for name in [*cli.COMMANDS, *subcommands])) & HEAVY


def test_an_interrupt_while_a_library_makes_its_classes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: SIGTERM while numpy was imported printed a traceback of `RuntimeError: Error calling
    __set_name__`, which Python 3.11 makes of the KeyboardInterrupt.
    """

    def interrupted(**_: object) -> None:
        raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()

    monkeypatch.setattr(cli.cli, "main", interrupted)
    monkeypatch.setattr(cli.interrupts, "ignore", lambda: None)  # it would last in this process
    assert bench("run") == (cli.INTERRUPTED, "", ["interrupted"])


def test_a_reader_that_leaves() -> None:
    """Forbids a BrokenPipeError for `bench list | head -1`."""
    command = f"{BENCH} list | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "Backends"
    assert done.stderr == ""


def test_the_list_fits_a_terminal_of_80_columns(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbids lines of up to 318 characters, which a terminal breaks within words.

    The list of the lessons had lines of 93.
    """
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes the output for a terminal
    _, shown, _ = bench("list")
    assert max(map(len, shown.splitlines())) <= 80
    assert "  get_customers                every customer with address: many rows\n" in shown
    assert "\n  quick    the cases that answer" in shown
    assert "\n           does not measure" in shown
    _, shown, _ = bench("lesson")
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.startswith("session-per-task    What happens when")


def test_the_help_of_calibrate_says_that_it_takes_one_backend(bench: Bench) -> None:
    """Forbids `Repeatable` for an option that is refused when it is repeated."""
    _, shown, _ = bench("calibrate", "--help")
    backend = shown.partition("--backend NAME")[2].partition("--backend-module")[0]
    assert "one alone" in backend
    assert "Repeatable" not in backend


def test_an_old_option_name_is_accepted_and_hidden(bench: Bench) -> None:
    """Defect: a renamed option breaks the command line of a CI job that has the old name."""
    _, shown, _ = bench("run", "--help")
    assert "--timeout SECONDS" in shown
    assert "--patience" not in shown
    code, _, err = bench("run", "--patience", "nan")
    assert code == 2
    assert "nan is not a number" in err[0]


@pytest.mark.parametrize("command", ["power", "audit --simulations", "lesson one-engine"])
def test_a_folder_that_cannot_be_written_is_named_before_anything_is_measured(
    bench: Bench, tmp_path: Path, command: str
) -> None:
    """Defect: `bench power` measured for minutes before it tried to write to --out."""
    (tmp_path / "file").touch()
    code, out, error = bench(*command.split(), "--out=file/results")
    assert (code, out) == (1, "")
    assert error[0] == "error: cannot write results to file/results: Not a directory."
    assert error[1:] == ["Choose a folder that you may write with --out."]
