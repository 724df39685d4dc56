"""The limit of time for long tests."""

import os
import re
import subprocess
import sys

from tests.long import LIMIT
from tests.root import ROOT

LONG = (
    "tests/bench/results/test_border.py::test_lines_of_two_hundred_megabytes",
    "packages/session-guard/tests/session_guard/two_phase/test_connections.py",
)
SHORT = "tests/bench/results/test_border.py::test_a_header_without_end_is_not_read_to_its_end"


def test_a_long_test_does_not_begin_when_no_time_is_left() -> None:
    """Forbids a CI that is cut off in the middle of a test, and a short test that is left out."""
    options = ("-m", "pytest", "-q", "-rs", "-n", "0", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, *options, *LONG, SHORT],
        cwd=ROOT,
        env=os.environ | {LIMIT: "0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b1 passed, \d\d skipped", done.stdout), done.stdout
    assert f"{LIMIT} is 0: no time is left" in done.stdout
