"""The runs of several processes as one run."""

from array import array
from dataclasses import replace

from bench.execution.merged_run import merged_run, overlap
from bench.measure.shared_turn import PartOfRun
from bench.model.case import Case
from bench.results import merged_samples
from bench.results.entries import Arrived, Run
from bench.results.samples import Samples
from tests.bench.synthetic import POINT, constant_run

MS = 1_000_000
CASE = Case("asyncpg", POINT, concurrency=3, processes=2)


def part(run: Run, number: int, late_ns: int = 0, opened: int | None = 1) -> PartOfRun:
    return PartOfRun(run, late_ns, 1_000, opened, frozenset({"9", str(number)}), str(number))


def two(**changes: object) -> list[PartOfRun]:
    one = constant_run(CASE, 0, 10 * MS, 100 * MS, **changes)
    other = Samples(*(array("q", column) for column in ([0], [5], [], [1], [1])), {0: "E: no"})
    return [part(one, 0), part(replace(one, samples=other), 1, 7 * MS, 2)]


def test_clients_are_numbered_on() -> None:
    """Defect: client 0 of each process was one client, which did everything at once."""
    run = merged_run(two())
    assert set(run.samples.worker) == {0, 2}
    assert len(run.samples) == 11
    assert run.samples.errors == {10: "E: no"}


def test_arrivals_of_all_processes_are_together() -> None:
    """Defect: the arrivals of one process were those of the run, and waits of the others lost."""
    parts = two(arrived=Arrived(10, 1, 2))
    for each in parts:
        for column in (each.run.samples.wait_ns, each.run.samples.late_ns):
            column.extend([3] * len(each.run.samples))
    run = merged_run(parts)
    assert run.arrived == Arrived(20, 2, 4)
    assert list(run.samples.wait_ns) == list(run.samples.late_ns) == [3] * 11
    assert merged_run(two()).arrived is None


def test_cpu_time_of_clients_is_added_up_and_that_of_the_machine_is_not() -> None:
    """Defect: each process reads the CPU time of the whole server and of the whole machine."""
    run = merged_run(two(server_cpu_ns=5 * MS, machine_cpu_ns=50 * MS, gc_ns=2 * MS))
    assert (run.client_cpu_ns, run.gc_ns) == (20_000, 4 * MS)
    assert (run.server_cpu_ns, run.machine_cpu_ns) == (5 * MS, 50 * MS)
    assert run.other_cpu_ns == 45 * MS - 20_000
    assert merged_run(two(machine_cpu_ns=50 * MS), one_machine=False).machine_cpu_ns is None


def test_stalls_are_those_of_the_worst_process() -> None:
    parts = two(loop_stall_max_ns=3, loop_stall_p99_ns=2)
    slow = replace(parts[1], run=replace(parts[1].run, loop_stall_max_ns=9))
    run = merged_run([parts[0], slow])
    assert (run.loop_stall_max_ns, run.loop_stall_p99_ns) == (9, 2)


def test_a_connection_is_counted_once() -> None:
    """Defect: every process counts what appears at the server, and the barrier's sessions too."""
    assert merged_run(two()).connections == 1 + 2 + 1
    unknown = [replace(each, opened=None) for each in two()]
    assert merged_run(unknown).connections is None


def test_overlap_counts_the_error_of_the_clocks_too() -> None:
    assert overlap(two()) == 1 - (7 * MS + 1_000) / (100 * MS)


def test_many_samples_stay_in_pieces() -> None:
    """Forbids one line of all samples: a reader would need the memory for it."""
    pieces = [Samples(*(array("q", [1] * 200_000) for _ in range(5))) for _ in range(3)]
    merged = merged_samples.merged(pieces, [0, 5, 9])
    assert [len(piece) for piece in merged.pieces()] == [200_000] * 3
    assert sorted(set(merged.worker)) == [1, 6, 10]


def test_a_case_is_shared_as_evenly_as_can_be() -> None:
    for clients, processes in ((16, 3), (4, 4), (7, 2)):
        case = Case("a", POINT, concurrency=clients, processes=processes)
        shares = [case.clients_of(number) for number in range(processes)]
        assert [client for share in shares for client in share] == list(range(clients))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
