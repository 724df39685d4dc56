"""The documents are true: commands run, links have a target, and names exist in the code."""

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cli import reference as cli_reference
from bench.cli.main import cli
from bench.model.errors import BenchError
from bench.output.documents import readme
from bench.output.documents.marked_blocks import fill, marked
from bench.server.embedded import EmbeddedServer
from bench.studies.pool import document as pool_document
from bench.studies.streaming import document as streaming_document
from tests.documents import (
    DOCUMENTS,
    ROOT,
    Command,
    anchors,
    blocks,
    commands,
    links,
    prose,
)

REFERENCE = ROOT / "results" / "reference"
WALK_THROUGH = ROOT / "docs" / "add-an-accessor.md"

SHORTER = {
    "bench lesson session-per-task": "--trials 1 --mistake roll-back-another",
    "bench gate": "--first reference --allow-blind",
    "bench run": "--rounds 1 --seconds 0.03 --scale 0.01 --no-charts",
    "bench query": "--rounds 1 --seconds 0.03 --scale 0.01 --no-charts",
    "bench streaming": "--rows 100 --no-charts",
    "bench pool": "--rounds 1 --seconds 0.02 --concurrency 2 --backend asyncpg --no-charts",
    "bench saturate": "--objective 500ms",
    "bench verify": "--scale 0.01",
    "bench lesson": "--trials 1",
}
"""Options added to a documented command so that it ends soon: the same code, repeated less."""

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
all_commands = [command for document in DOCUMENTS for command in commands(document)]
in_order = [command for command in all_commands if command.document == "tutorial.md"]
"""Run by tests/test_tutorial.py: each needs what those before it have left."""
of_bench = [
    command
    for command in all_commands
    if command.line.startswith("bench ") and command not in in_order
]
of_guard = [  # session-guard's test_document.py runs these
    command
    for command in all_commands
    if command.line.startswith(("pytest --one-session-per-task", "session-guard lint "))
]
of_pytest = [
    command
    for command in all_commands
    if command.line.startswith("pytest") and command not in of_guard
]
of_make = [command for command in all_commands if command.line.startswith("make")]


class Elsewhere:
    """A user's folder, with the walk-through's file and the reference run in it, and a shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (source,) = blocks(WALK_THROUGH, "python")
        (folder / "marketplace_pg8000.py").write_text(source)
        shutil.copytree(ROOT / "examples" / "bookings", folder / "examples" / "bookings")
        for name in ("reference", "microbench"):
            (folder / "results" / name).mkdir(parents=True)
        shutil.copy(REFERENCE / "run.jsonl", folder / "results" / "reference")
        self._environment = {
            name: value for name, value in os.environ.items() if name != "DATABASE_URL"
        } | {
            "GATHERBENCH_HOME": str(folder),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }

    def run(self, line: str, **environment: str) -> str:
        """Return the output of a command, which must succeed."""
        done = subprocess.run(
            shlex.split(line),
            cwd=self.folder,
            env=self._environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    # Not pytest's tmp_path: root's server has to pass through it.
    with tempfile.TemporaryDirectory(prefix="gatherbench-documents-") as name:
        yield Elsewhere(Path(name))
        EmbeddedServer(Path(name) / ".gatherbench" / "postgres18").stop()


@pytest.mark.timeout(900)  # a busy machine makes a search several times longer
@pytest.mark.parametrize("command", of_bench, ids=str)
def test_a_command_of_bench_runs(command: Command, elsewhere: Elsewhere) -> None:
    shorter = next((more for verb, more in SHORTER.items() if command.line.startswith(verb)), "")
    assert elsewhere.run(f"{command.line} {shorter}")


@pytest.mark.parametrize("command", of_pytest, ids=str)
def test_a_command_of_pytest_runs(command: Command, elsewhere: Elsewhere) -> None:
    """On the files that the document has its reader make before."""
    for file in ("reference.json", "results/microbench/one.json"):
        if not (elsewhere.folder / file).exists():
            elsewhere.run(f"bench export results/reference --format pytest-benchmark --out {file}")
    assert elsewhere.run(f"sh -c {shlex.quote(command.line)}")


@pytest.mark.parametrize("command", of_make, ids=str)
def test_a_command_of_make_names_a_target(command: Command) -> None:
    """Not run: `make bench` takes minutes, `make test` would run itself."""
    done = subprocess.run(
        [*shlex.split(command.line), "--dry-run"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_no_other_commands_are_documented() -> None:
    """One that is neither of these would be tested by nobody."""
    assert set(all_commands) == {*of_bench, *of_guard, *of_pytest, *of_make, *in_order}


def test_the_walk_through_ends_in_an_entry_point(elsewhere: Elsewhere) -> None:
    """Write a dist-info folder with the entry point of the document, as pip does."""
    import tomllib

    (text,) = blocks(WALK_THROUGH, "toml")
    ((group, points),) = tomllib.loads(text)["project"]["entry-points"].items()
    installed = elsewhere.folder / "site"
    (installed / "marketplace_pg8000-1.dist-info").mkdir(parents=True)
    (installed / "marketplace_pg8000-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: marketplace-pg8000\nVersion: 1\n"
    )
    (installed / "marketplace_pg8000-1.dist-info" / "entry_points.txt").write_text(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
    )
    path = os.pathsep.join([str(installed), str(elsewhere.folder)])
    assert re.search(
        r"^  pg8000-native +sync +driver$", elsewhere.run("bench list", PYTHONPATH=path), re.M
    )


def test_the_story_of_streaming_has_the_figures_of_its_run() -> None:
    folder = ROOT / "results" / "reference-streaming"
    document = ROOT / "docs" / "streaming.md"
    text = document.read_text(encoding="utf-8")
    for name, block in streaming_document.blocks(folder, document.parent).items():
        assert marked(name, block) in text, "run `make docs`"


def test_the_guide_to_pools_has_the_figures_of_its_run() -> None:
    folder = ROOT / "results" / "reference-pool"
    document = ROOT / "docs" / "pool-size.md"
    text = document.read_text(encoding="utf-8")
    for name, block in pool_document.blocks(folder, document.parent).items():
        assert marked(name, block) in text, "run `make docs`"


def examples() -> list[str]:
    """The lines of --help that show a command of ours."""
    return re.findall(r"^ +(bench .+?)(?:   .*)?$", cli_reference.reference(), re.MULTILINE)


@pytest.mark.parametrize("line", examples())
def test_an_example_of_help_is_understood(line: str) -> None:
    _, *words = shlex.split(line)
    command, context = cli, cli.make_context("bench", [], resilient_parsing=True)
    while hasattr(command, "get_command") and (found := command.get_command(context, words[0])):
        command, name, words = found, words[0], words[1:]
        group = hasattr(command, "get_command")
        context = command.make_context(
            name, [] if group else words, context, resilient_parsing=group
        )
    assert command is not cli


def test_the_page_of_commands_says_what_help_says() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == cli_reference.reference(), "run `make docs`"


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        path = (document.parent / target) if target else document
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


NOT_OUR_WORDS = {
    r"\bcolor": "colour",
    r"\b(load|thread|gather|task|benchmark) drivers?\b": "runner: a driver is asyncpg",
    r"\bback-ends?\b|\bback ends?\b": "backend",
    r"\bdata ?bases? accessors?\b": "accessor",
    r"\bdata sets?\b": "dataset",
    r"\btest cases?\b": "case",
    r"\bwork loads?\b": "workload",
}


@every_document
def test_words_are_those_of_the_code(document: Path) -> None:
    text = prose(document)
    for pattern, ours in NOT_OUR_WORDS.items():
        assert not re.search(pattern, text, re.IGNORECASE), ours


@pytest.mark.parametrize(
    "file",
    [*DOCUMENTS, ROOT / "Makefile", ROOT / "constraints.txt", ROOT / ".ci" / "run"],
    ids=lambda path: path.name,
)
def test_no_path_of_a_machine_is_named(file: Path) -> None:
    assert not re.search(r"(?<![\w.])/(work|root|home|Users|tmp)/", file.read_text("utf-8"))


def test_constraints_are_names_and_versions_and_cover_what_is_required() -> None:
    import tomllib

    lines = (ROOT / "constraints.txt").read_text().splitlines()[1:]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)

    def plain(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    constrained = {plain(line.partition("==")[0]) for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    required = [*project["dependencies"], *itertools.chain(*extras)]
    names = {plain(re.split(r"[\[<>=;! ]", each)[0]) for each in required}
    names -= {"gatherbench", "gatherbench-async-benchmark", "session-guard"}  # of this checkout
    assert names <= constrained


def test_the_figures_of_readme_are_those_of_the_reference_run() -> None:
    if not (REFERENCE / "run.jsonl").is_file():
        pytest.skip("results/reference has not been measured yet")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, block in readme.blocks(REFERENCE, ROOT).items():
        assert marked(name, block) in text, "run `make docs`"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "lacks the markers of one"),
        (marked("two", "") + marked("one", ""), "has markers without a block: two"),
    ],
)
def test_markers_and_blocks_belong_together(tmp_path: Path, text: str, words: str) -> None:
    """Defect: a block whose marker was lost was no longer written, and nobody was told."""
    document = tmp_path / "page.md"
    document.write_text(text)
    with pytest.raises(BenchError, match=words):
        fill(document, {"one": "1"})
    assert document.read_text() == text
