"""Dask's own programs, as a user starts them, and network namespaces to start them in."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.command import wait_until
from tests.listening import free_port

DASK = Path(sys.executable).with_name("dask")
CLEAN = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}


@dataclass
class Programs:
    """A scheduler and its workers, with their logs in a folder."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    started: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"tcp://{self.host}:{self.port}"

    def scheduler(self) -> None:
        self._start("scheduler", ["scheduler", f"--host={self.host}", f"--port={self.port}"])
        wait_until(lambda: "Scheduler at" in self.log("scheduler"))

    def worker(self, name: str, url: str | None = None, prefix: Sequence[str] = ()) -> None:
        options = ["worker", self.address, "--nthreads=1", f"--local-directory={self.folder}"]
        self._start(name, options, prefix, {"DATABASE_URL": url} if url else {})
        wait_until(lambda: "Registered to" in self.log(name))

    def log(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return file.read_text() if file.exists() else ""

    def stop(self, name: str) -> None:
        process = self.started.pop(name)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(
        self,
        name: str,
        arguments: Sequence[str],
        prefix: Sequence[str] = (),
        more: dict[str, str] | None = None,
    ) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.started[name] = subprocess.Popen(
                [*prefix, DASK, *arguments, "--no-dashboard"],
                cwd=self.folder,
                env=CLEAN | (more or {}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )


@contextmanager
def programs(folder: Path, host: str = "127.0.0.1") -> Iterator[Programs]:
    """Give a scheduler on this address, without workers. All ends with the block."""
    made = Programs(folder, host)
    try:
        made.scheduler()
        yield made
    finally:
        for name in reversed(list(made.started)):
            made.stop(name)


def no_namespaces() -> str:
    """Return why this machine cannot make network namespaces; empty if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no program `ip` (iproute2)"
    name = f"gb{os.getpid()}x"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    if tried.returncode:
        return f"no network namespace can be made: {tried.stderr.strip()}"
    _ip("netns", "del", name)
    return ""


@contextmanager
def namespaces(amount: int) -> Iterator[list[tuple[str, str, str]]]:
    """Give namespaces, each with its name, its own address, and this machine's address for it."""
    with ExitStack() as stack:
        made = []
        for number in range(amount):
            name, here, there = (f"gb{os.getpid()}{end}{number}" for end in "nab")
            net = f"10.{77 + number}.{os.getpid() % 250}"
            _ip("netns", "add", name)
            stack.callback(_gone, name, here)
            _ip("link", "add", here, "type", "veth", "peer", "name", there)
            _ip("link", "set", there, "netns", name)
            _ip("addr", "add", f"{net}.1/24", "dev", here)
            _ip("link", "set", here, "up")
            _ip("-n", name, "addr", "add", f"{net}.2/24", "dev", there)
            _ip("-n", name, "link", "set", there, "up")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "route", "add", "default", "via", f"{net}.1")
            made.append((name, f"{net}.2", f"{net}.1"))
        yield made


def _gone(name: str, link: str) -> None:
    with suppress(subprocess.CalledProcessError):
        _ip("link", "del", link)
    _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
