"""The runs of several processes that performed a case together, merged into one run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from bench.measure.shared_turn import PartOfRun
from bench.results.entries import Arrived, Run
from bench.results.merged_samples import merged

LEAST_OVERLAP = 0.95
"""The least share of the window in which all processes have to be at work."""


def overlap(parts: Sequence[PartOfRun]) -> float:
    """Return the share of the window in which surely all processes were at work; 0 or more."""
    uncertain_ns = late_ns(parts) + max(part.clock_error_ns for part in parts)
    return max(0.0, 1 - uncertain_ns / parts[0].run.window_ns)


def late_ns(parts: Sequence[PartOfRun]) -> int:
    """Return the time from the common start to the start of the last process, in ns."""
    return max(part.late_ns for part in parts)


def merged_run(parts: Sequence[PartOfRun], *, one_machine: bool = True) -> Run:
    """Return one run of all parts, in the order of the processes.

    Samples are together, and so are the arrivals at a rate. CPU times of the clients and of their
    garbage collectors are added up.
    CPU times of the server and of the machine are those of the part that saw the most: each part
    reads them of all processes. The stalls are those of the worst process. `one_machine`: if
    not, the CPU time of the machine is unknown, because there are several.
    """
    runs = [part.run for part in parts]
    longest = max(runs, key=lambda run: run.elapsed_ns)
    case = longest.case
    widest = max(runs, key=lambda run: run.server_cpu_ns or 0)
    client_cpu_ns = sum(run.client_cpu_ns for run in runs)
    machine_cpu_ns = widest.machine_cpu_ns if one_machine else None
    other_cpu_ns = None
    if machine_cpu_ns is not None and widest.server_cpu_ns is not None:
        other_cpu_ns = max(0, machine_cpu_ns - client_cpu_ns - widest.server_cpu_ns)
    return replace(
        longest,
        started_at=min(run.started_at for run in runs),
        samples=merged(
            [run.samples for run in runs],
            [case.clients_of(number).start for number in range(len(runs))],
        ),
        client_cpu_ns=client_cpu_ns,
        server_cpu_ns=widest.server_cpu_ns,
        machine_cpu_ns=machine_cpu_ns,
        other_cpu_ns=other_cpu_ns,
        gc_ns=_known(sum, (run.gc_ns for run in runs)),
        loop_stall_max_ns=_known(max, (run.loop_stall_max_ns for run in runs)),
        loop_stall_p99_ns=_known(max, (run.loop_stall_p99_ns for run in runs)),
        fewest_operations=min(run.fewest_operations for run in runs),
        most_operations=max(run.most_operations for run in runs),
        connections=_connections(parts),
        arrived=_arrived(runs),
        start_skew_ns=late_ns(parts),
        clock_error_ns=max(part.clock_error_ns for part in parts),
    )


def _connections(parts: Sequence[PartOfRun]) -> int | None:
    """Return the connections of all clients: those that each opened, and those that appeared."""
    opened = _known(sum, (part.opened for part in parts))
    if opened is None:
        return None
    appeared = frozenset().union(*(part.appeared for part in parts))
    return opened + len(appeared - {part.barrier_process for part in parts})


def _arrived(runs: Sequence[Run]) -> Arrived | None:
    """Return the arrivals of all processes: each has served its own."""
    known = [run.arrived for run in runs if run.arrived]
    if not known:
        return None
    return Arrived(
        offered=sum(arrived.offered for arrived in known),
        unserved=sum(arrived.unserved for arrived in known),
        carried=sum(arrived.carried for arrived in known),
    )


def _known(of: Callable[[Iterable[int]], int], values: Iterable[int | None]) -> int | None:
    """Return the sum or the most of the values; None if any is unknown."""
    known = list(values)
    return None if None in known else of(value for value in known if value is not None)
