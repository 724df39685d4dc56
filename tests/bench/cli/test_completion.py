"""Completion in a real shell on a terminal, with typed text and the Tab key."""

import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

from tests.bench.command import LONGEST_S

PROMPT = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
ACTIVATE = {
    "bash": 'eval "$(bench completion bash)"',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(bench completion zsh)"',
    "fish": "bench completion fish | source",
}
BIN = Path(sys.executable).parent


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, shell: str, home: Path) -> None:
        self._screen, side = pty.openpty()
        environment = os.environ | {
            "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
            "HOME": str(home),
            "TERM": "dumb" if shell == "bash" else "xterm",
        }
        self._shell = subprocess.Popen(
            PROMPT[shell],
            env=environment,
            cwd=home,
            preexec_fn=lambda: os.login_tty(side),  # fish needs a controlling terminal
        )
        os.close(side)
        self.seen = ""

    def type(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def wait_for(self, words: str, seconds: float = LONGEST_S) -> None:
        deadline = time.monotonic() + seconds
        while words not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, self.seen
            if select([self._screen], [], [], left)[0]:
                self.seen += os.read(self._screen, 65_536).decode(errors="replace")

    def close(self) -> None:
        self._shell.kill()
        self._shell.wait()
        os.close(self._screen)


@pytest.fixture(params=list(PROMPT))
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    """Give a shell at its prompt, with completion for `bench`."""
    shell: str = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    opened = Terminal(shell, tmp_path)
    try:
        opened.type(f"{ACTIVATE[shell]}; echo rea''dy\n")
        opened.wait_for("ready")
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("bench overh\t--help\n", "Usage: bench overhead"),
        ("bench db stat\t--help\n", "Usage: bench db status"),
        ("bench verify --time\t0.01\n", "0.01 is not in the range"),
        ("bench run --backend null-a\t--loop trio\n", "'trio' is not one of"),
        ("bench run --workload get_total\t", "get_total_cost_of_an_order"),
    ],
)
def test_tab_completes(terminal: Terminal, keys: str, words: str) -> None:
    terminal.type(keys)
    terminal.wait_for(words)


@pytest.mark.parametrize("shell", list(ACTIVATE))
def test_what_is_printed_names_the_program_and_its_variable(
    shell: str,
) -> None:
    done = subprocess.run(
        [BIN / "bench", "completion", shell], capture_output=True, text=True, check=True
    )
    assert f"_BENCH_COMPLETE={shell}_complete" in done.stdout
    assert done.stderr == ""


def complete(words: str) -> tuple[list[str], set[str]]:
    """Return the values offered for the last word, and the imported top-level modules."""
    code = "import sys, atexit\nsys.argv[0] = 'bench'\n"
    code += "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    code += "from bench.cli.main import main\nmain()\n"
    environment = os.environ | {
        "_BENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    offered = [line.partition(",")[2] for line in done.stdout.splitlines()]
    return offered, {name.partition(".")[0] for name in done.stderr.split()}


def test_commands_are_offered_without_importing_them() -> None:
    offered, modules = complete("bench ")
    assert {"run", "verify", "db", "completion"} <= set(offered)
    assert not modules & {"sqlalchemy", "matplotlib", "numpy", "rich", "psycopg", "accessors"}


def test_names_are_offered() -> None:
    assert complete("bench run --profile ")[0] == ["smoke", "quick", "full"]
    assert complete("bench run --workload mi")[0] == ["mixed"]
    backends, modules = complete("bench verify --backend orm+a")
    assert backends == ["orm+asyncpg"]
    assert not modules & {"sqlalchemy", "numpy", "asyncpg"}
