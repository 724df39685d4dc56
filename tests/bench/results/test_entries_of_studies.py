"""A study brings the types of its own lines: the core reads them, and knows none by name."""

import os
import subprocess
import sys
from pathlib import Path

from bench.model.case import Case
from bench.results import file as results
from bench.results.file import Recorder, Results
from bench.studies.streaming.entries import BareLoop, Proof
from tests.bench.synthetic import header
from tests.root import ROOT

CASE = Case("psycopg2", "get_customers", loop="none")

OTHER_STUDY = """
from dataclasses import dataclass
from typing import ClassVar

from bench.model.study import Study
from bench.results.entries import ProbeResult
from bench.results.schema import EntryLine

@dataclass(frozen=True)
class Depth(ProbeResult):
    kind: ClassVar[str] = "depth"
    metres: int

class DepthLine(EntryLine, tag="depth"):
    metres: int

    def entry(self):
        return Depth(**self.fields())

STUDY = Study("other", entries=("other_study:DepthLine",))
"""

READ_BACK = """
from bench.model.case import Case
from bench.results.schema import read_line
import json, other_study

case = Case("psycopg2", "get_customers", loop="none")
line = json.dumps(other_study.Depth(case, 7).as_dict()).encode()
assert read_line(line).entry() == other_study.Depth(case, 7), line
"""


def test_the_entries_of_a_study_are_read_as_they_were_written(tmp_path: Path) -> None:
    entries = [Proof(CASE, 20_000, 19_000, 1, 0, "idle", 1, 1), BareLoop(CASE, 10, [3, 4], [2, 3])]
    recorder = Recorder(tmp_path / "run")
    recorder.header(header([CASE]))
    for entry in entries:
        recorder.add(entry)
    recorder.end("complete")
    recorder.close()
    found: Results = results.load(tmp_path / "run")
    assert found.probed == entries
    assert found.probed_as(BareLoop) == entries[1:]


def test_a_study_from_outside_brings_its_own_entries(tmp_path: Path) -> None:
    """Defect: the file's reader named streaming's two entries, and no other study could add one."""
    (tmp_path / "other_study.py").write_text(OTHER_STUDY)
    metadata = tmp_path / "other_study-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-study\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[gatherbench.studies]\nother = other_study:STUDY\n")
    done = subprocess.run(
        [sys.executable, "-c", READ_BACK],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
