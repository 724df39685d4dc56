"""What goes wrong for a user: the exit code, two clear lines, and nothing lost."""

import json
import os
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.server.database import Database
from bench.server.embedded import EmbeddedServer
from tests.bench.command import ONE_CASE, Bench, Done, ctrl_c, finish, wait_until
from tests.bench.conftest import PASSWORD


def refused(done: Done, code: int, *words: str) -> None:
    """It ended with this code and an error of one or two lines that has these words."""
    assert done.code == code, done
    assert 1 <= len(done.error) <= 2, done
    for word in words:
        assert word in "\n".join(done.error)
    assert "s3cr" not in done.out + done.err


def no_results(bench: Bench) -> bool:
    return not bench.out.exists()


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        bench = Bench(tmp_path)
        url = f"postgresql://u:s3cret@127.0.0.1:{port}/db"
        refused(
            bench.measure(f"--database-url={url}"),
            1,
            "cannot connect to",
            f"u:***@127.0.0.1:{port}",
        )
    assert no_results(bench)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("s3cr", "s3cr3"), "wrong user or password for"),
        (("/postgres?", "/nowhere?"), "no such database or user at"),
    ],
)
def test_no_way_in(tmp_path: Path, guarded: str, change: tuple[str, str], words: str) -> None:
    bench = Bench(tmp_path, guarded.replace(*change))
    refused(bench.measure(), 1, words, "postgres:***@")
    assert no_results(bench)


def test_too_few_connections(tmp_path: Path, guarded: str) -> None:
    bench = Bench(tmp_path, guarded)
    done = bench.measure("--concurrency=2,16", "--backend=psycopg2")
    refused(done, 1, "19 connections are needed, 7 are free")
    assert no_results(bench)


def test_verification_too_needs_its_connections(tmp_path: Path, guarded: str) -> None:
    """Forbids taking "too many clients", when all are verified at once, for a difference."""
    bench = Bench(tmp_path, guarded)
    refused(bench.measure(), 1, "17 connections are needed, 7 are free")


def test_the_password_is_nowhere(tmp_path: Path, guarded: str) -> None:
    """Forbids masking a command line after its words are quoted: it's is then it'"'"'s, in full."""
    bench = Bench(tmp_path)
    guarded += "&sslpassword=it's"
    raising = "def get_total_cost_of_an_order(self, order_id):\n"
    raising += f"    raise RuntimeError('cannot reach ' + {guarded!r})"
    odd = bench.odd(tells=raising)
    url = f"--database-url={guarded}"
    # Longer than a failed warm-up's pause on a busy machine: else no operation would begin.
    done = bench.measure(url, "--no-verify", "--seconds=0.3", *odd, "--backend=asyncpg")
    assert done.code == 1
    assert "cannot reach postgresql://postgres:***@" in done.err
    (header,) = bench.lines("header")
    assert header["command"].startswith("bench run --profile=smoke")
    assert "***" in header["command"]
    said = [done.out, done.err]
    said += [path.read_bytes().decode(errors="replace") for path in bench.out.rglob("*.*")]
    for secret in (PASSWORD, guarded.split("@")[0].split(":")[2], "s3cr", "it'"):
        assert not any(secret in text for text in said)


@pytest.fixture
def mortal() -> Iterator[EmbeddedServer]:
    """A server of the test's own, to be killed."""
    with tempfile.TemporaryDirectory(prefix="gatherbench-test-") as folder:
        server = EmbeddedServer(Path(folder) / "postgres")
        server.start()
        yield server
        server.stop()


def test_the_server_is_killed_in_mid_run(tmp_path: Path, mortal: EmbeddedServer) -> None:
    bench = Bench(tmp_path, mortal.start())
    options = ("--backend=psycopg2", "--backend=asyncpg", "--rounds=1000", "--no-verify")
    arguments = ("--profile=smoke", "--workload=mixed", "--concurrency=2", f"--out={bench.out}")
    command = bench.start("run", *arguments, *options)
    wait_until(lambda: len(bench.lines("run")) > 4)
    pid = mortal.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    done = finish(command)
    assert done.code == 1
    # The turn, the lock or the command's own connection is the first to notice, asking or waiting.
    lost = r"the server went away (while|\([^()]+\): cannot connect to)"
    assert re.match(rf"error: ({lost}|lost the server at) ", done.error[0])
    assert len(done.error) == 2
    assert len(bench.lines("run")) > 4
    (end,) = bench.lines("end")
    assert end["outcome"] == "failed"
    assert end["reason"] in done.error[0]
    assert list((bench.out / "charts").glob("*.svg"))
    assert "operations/s" in done.out


def test_one_that_dies_does_not_take_the_others_memory_with_it(bench: Bench) -> None:
    """Forbids one executor for all: when a process of it dies, all its jobs are lost."""
    die = "def get_customers(self):\n    os.kill(os.getpid(), signal.SIGKILL)"
    arguments = ("--profile=smoke", "--workload=get_customers", "--fetch=buffered", "--rounds=1")
    others = ("--backend=psycopg2", "--backend=null")
    more = (*others, *bench.odd(dies=die), f"--out={bench.out}")
    options = ("--session-scope=task", "--transactions=autocommit", "--concurrency=1")
    done = bench("run", *arguments, *options, "--no-verify", *more)
    refused(done, 1, "3 runs failed")  # its memory, its proof, its run
    for kind in ("memory", "run"):
        assert {line["case"]["backend"] for line in bench.lines(kind)} == {"psycopg2", "null"}


def test_a_disk_that_is_full(bench: Bench) -> None:
    """Forbids a traceback when the rest of a line can't be written at closing, either."""
    (bench.folder / "sitecustomize.py").write_text(
        "import resource, sys\n"
        "if sys.argv[0].endswith('bench'):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
    )
    done = bench.measure("--backend=null", "--no-verify", "--rounds=1000")
    refused(done, 1, "cannot write")
    assert bench.lines("header")


def test_two_at_once(bench: Bench) -> None:
    """Forbids a command that never ends after Ctrl-C, as its process was killed when it sent."""
    options = ("--backend=null", "--no-verify", "--rounds=1000", f"--out={bench.out}")
    first = bench.start("run", *ONE_CASE, *options)
    wait_until(lambda: bench.lines("run"))
    second = bench("run", "--profile=smoke", "--backend=null", f"--out={bench.folder / 'second'}")
    refused(second, 1, "another bench command is using schema gatherbench")
    assert not (bench.folder / "second").exists()
    ctrl_c(first)
    assert finish(first).code == 130


def test_a_folder_that_exists_is_left_alone(bench: Bench) -> None:
    bench.out.mkdir()
    (bench.out / "mine").write_text("mine")
    refused(bench.measure("--backend=null"), 1, "exists already and was not changed")
    assert [path.name for path in bench.out.iterdir()] == ["mine"]


@pytest.mark.parametrize("place", ["file/below", "/proc/nothing"])
def test_a_folder_that_cannot_be_made(bench: Bench, place: str) -> None:
    (bench.folder / "file").write_text("")
    refused(bench.measure("--backend=null", f"--out={place}"), 1, "cannot write results to")


def test_a_package_that_is_missing(bench: Bench, database: Database) -> None:
    (bench.folder / "psycopg2.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'psycopg2'\", name='psycopg2')"
    )
    listed = bench("list")
    assert listed.code == 0
    assert re.search(
        r"^  psycopg2 +not available: pip install 'psycopg2-binary'$", listed.out, re.M
    )
    refused(
        bench.measure("--backend=psycopg2"),
        2,
        "backend 'psycopg2' is not available here: pip install 'psycopg2-binary'",
    )
    odd = bench.odd(odd="pass", requires="'nowhere_lib': 'nowhere-lib'")
    refused(
        bench.measure(*odd), 2, "backend 'odd' is not available here: pip install 'nowhere-lib'"
    )
    assert no_results(bench)
    assert json.dumps(bench.lines("header")) == "[]"
