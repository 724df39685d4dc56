"""The tutorial does what it says: its commands, in its order, by a reader who types them."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copytree

import pytest

from bench.output.documents import tutorial
from bench.output.documents.marked_blocks import marked
from bench.server.embedded import EmbeddedServer
from tests.documents import ROOT, blocks, commands

TUTORIAL = ROOT / "docs" / "tutorial.md"
REFERENCE = ROOT / "results" / "reference"
SHORTER = "--seconds 0.02 --scale 0.01 --no-charts"


@pytest.mark.timeout(900)  # a dozen commands, on a machine that may be busy
def test_a_reader_gets_through_it() -> None:
    with tempfile.TemporaryDirectory(prefix="gatherbench-tutorial-") as name:
        home = Path(name)
        copytree(REFERENCE, home / "results" / "reference", ignore=lambda *_: ["charts"])
        (source,) = blocks(TUTORIAL, "python")
        (home / "psycopg_prepared.py").write_text(source)
        environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment |= {"GATHERBENCH_HOME": name, "PATH": path}
        try:
            for command in commands(TUTORIAL):
                line = command.line
                if line.startswith("make "):
                    continue  # `make bench` is minutes long, and tests/test_makefile.py's
                if line.startswith("bench run"):
                    line += f" {SHORTER}"
                if line.startswith("bench verify"):
                    line += " --scale 0.01"
                done = subprocess.run(
                    shlex.split(line), cwd=home, env=environment, capture_output=True, text=True
                )
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        finally:
            EmbeddedServer(home / ".gatherbench" / "postgres18").stop()
        promised = re.findall(r"`(results/[\w./-]+\.html)`", TUTORIAL.read_text())
        assert len(set(promised)) >= 4
        assert [page for page in promised if not (home / page).is_file()] == []
        assert "psycopg-prepared" in (home / "results/prepared/report.html").read_text()


def test_the_findings_it_quotes_are_those_of_the_reference_run() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    for name, block in tutorial.blocks(REFERENCE).items():
        assert marked(name, block) in text, "run `make docs`"
