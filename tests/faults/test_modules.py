"""Backend modules with bad side effects on import."""

import pytest

from tests.bench.command import LONGEST_S, Bench
from tests.faults.campaign import is_clean, processes_of
from tests.faults.fault import Fault

REFUSED = "error: cannot use --backend-module badly: {}."
MODULES = {
    "raise SystemExit(3)": Fault(
        "a backend module calls sys.exit(3)", REFUSED.format("SystemExit: 3"), 2
    ),
    "class Odd(BaseException): pass\nraise Odd('odd')": Fault(
        "a backend module raises a BaseException", REFUSED.format("Odd: odd"), 2
    ),
    "import time\ntime.sleep(1000)": Fault(
        "the import of a backend module does not end",
        REFUSED.format("TimeoutError: the import did not end within 1 s"),
        2,
    ),
    "1 / 0": Fault(
        "a backend module raises an error",
        REFUSED.format("ZeroDivisionError: division by zero"),
        2,
    ),
}
PRINTS = Fault("a backend module prints", "its output is on stderr, not in the table", 0)
FORKS = Fault("a backend module forks", "the forked process ends at once", 0)

RUN = ("run", "--profile=smoke", "--no-verify", "--rounds=1", "--no-charts", "--backend=null")
OPTIONS = (*RUN, "--backend-module=badly")


@pytest.mark.parametrize("code", MODULES, ids=lambda code: MODULES[code].what)
def test_a_module_that_can_not_be_imported(bench: Bench, code: str) -> None:
    """Forbids a silent end with the module's exit code, and a hanging command."""
    (bench.folder / "badly.py").write_text(code)
    timeout = ("--timeout=1",) if "sleep" in code else ()
    done = bench(*OPTIONS, *timeout, f"--out={bench.out}")
    MODULES[code].is_shown_by(done)
    assert not bench.out.exists()


def test_a_module_that_prints(bench: Bench) -> None:
    """Forbids a module's output in output for other programs."""
    (bench.folder / "badly.py").write_text(
        "import os\nprint('hello')\nos.system('echo shell')\nBACKENDS = ()"
    )
    done = bench("list", "--backend-module=badly")
    assert done.code == PRINTS.code
    assert "hello" not in done.out
    assert "shell" not in done.out
    assert {"hello", "shell"} <= set(done.err.split())


def test_a_module_that_forks(bench: Bench) -> None:
    """Forbids a forked process that continues as a second command with the same results folder."""
    (bench.folder / "badly.py").write_text("import os\nos.fork()\nBACKENDS = ()")
    command = bench.start(*RUN, "--backend-module=badly", f"--out={bench.out}")
    out, err = command.communicate(timeout=LONGEST_S)
    assert command.returncode == FORKS.code, err
    assert out.count("report   ") == 1
    assert "Traceback" not in err
    is_clean(processes_of(command))
