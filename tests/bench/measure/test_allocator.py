"""The state of the allocator in a worker process, by the page faults of reads like asyncio's."""

import platform
import resource
import socket
from collections.abc import Iterator

import pytest

from bench.measure.allocator import bring_into
from bench.measure.worker_pool import WorkerPool
from bench.model.case import Allocator, Case
from bench.results.header import Header
from tests.bench.command import LONGEST_S

READS = 200
ASYNCIO_READ_BYTES = 256 * 1024
"""`asyncio.selector_events._SelectorTransport.max_size`."""

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the dynamic threshold is glibc's"
)


def faults_of_reads() -> float:
    """Return the page faults of a read of few bytes into asyncio's buffer, on average."""
    one, other = socket.socketpair()
    with one, other:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(READS):
            other.send(b"answer")
            one.recv(ASYNCIO_READ_BYTES)
        return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / READS


def faults_in(state: Allocator) -> float:
    bring_into(state)
    return faults_of_reads()


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with WorkerPool() as made:
        yield made


def test_a_worker_starts_with_a_warmed_allocator(pool: WorkerPool) -> None:
    """Defect: the early runs of a process cost up to 1.8 times its later ones, by luck."""
    assert pool.result(pool.submit("a", faults_of_reads), LONGEST_S) < 0.1
    assert pool.result(pool.submit_alone("b", faults_of_reads), LONGEST_S) < 0.1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MALLOC_MMAP_THRESHOLD_", "131072"),
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072"),
    ],
)
def test_the_users_environment_does_not_decide(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect: with the variable that fixes the threshold, no freed block warmed a worker.

    The header of the results said that it was warmed.
    """
    monkeypatch.setenv(name, value)
    with WorkerPool() as pool:
        assert pool.result(pool.submit("a", faults_of_reads), LONGEST_S) < 0.1


@pytest.mark.parametrize("state", ["warmed", "fresh"])
def test_another_c_library_is_left_alone(state: Allocator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbids `mallopt` of a library that has none, as musl."""
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", None)
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "131072")
    bring_into(state)


def test_a_fresh_allocator_stays_fresh(pool: WorkerPool) -> None:
    """Defect: a large block that a workload frees would end the state in the middle of a run."""
    assert pool.result(pool.submit("a", faults_in, "fresh"), LONGEST_S) > 1
    pool.result(pool.submit("a", bytes, 8 << 20), LONGEST_S)
    assert pool.result(pool.submit("a", faults_in, "fresh"), LONGEST_S) > 1


def test_a_fresh_case_has_a_process_of_its_own() -> None:
    """Defect: glibc's thresholds, once set, would hold for the cases that are to be warmed."""
    warmed, fresh = Case("asyncpg", "mixed"), Case("asyncpg", "mixed", allocator="fresh")
    assert warmed.process != fresh.process
    assert fresh.title == f"{warmed.title}, fresh allocator"


def test_the_plain_case_is_written_as_before() -> None:
    """Defect: a key in every case would make files unlike those of older versions."""
    warmed, fresh = Case("asyncpg", "mixed"), Case("asyncpg", "mixed", allocator="fresh")
    assert "allocator" not in warmed.as_dict()
    assert warmed.key == "asyncpg/mixed/buffered/1/task/autocommit/native/asyncio"
    assert Case.from_dict(fresh.as_dict()) == fresh
    assert Header().worker_state is None
