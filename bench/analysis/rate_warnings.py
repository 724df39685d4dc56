"""The warnings about an arrival rate: one that was not held, and a generator that was late."""

from collections.abc import Iterator, Sequence

from bench.analysis import rerun
from bench.analysis.open_loop import LATE_NS
from bench.analysis.summary import Summary
from bench.model.units import TIMES, with_unit
from bench.results.header import Conditions

Parts = tuple[str, str, str]
"""Symptom, likely cause, what to try."""


def not_held(header: Conditions, summaries: Sequence[Summary]) -> Iterator[Parts]:
    """Yield the cases whose clients did not keep up; those of the null backend say more."""
    null = header.null_backends
    missed = [s for s in summaries if not s.held and not s.case.twin]
    for summary in missed:
        if summary.case.backend in null:
            yield (
                f"the generator itself did not keep up with {summary.case.rate:,} arrivals/s:"
                f" {summary.case.backend} held them in {_rounds(summary)}",
                "one Python process begins no more operations, or another program took its CPU",
                f"--rate {max(1, (summary.case.rate or 2) // 2)}",
            )
    asking = [s for s in missed if s.case.backend not in null]
    if asking:
        lowest = min(asking, key=lambda summary: summary.case.rate or 0)
        yield (
            f"the rate was not held in {len(asking)} of"
            f" {sum(s.open is not None and not s.case.twin for s in summaries)} cases at a rate;"
            f" the lowest is {lowest.case.title}, held in {_rounds(lowest)}",
            "operations arrive faster than they are served: the backlog grows, and no latency is"
            " shown, because it would grow with the window",
            f"a lower --rate, or find the limit: {rerun.search(header, lowest.case)}",
        )


def late(summaries: Sequence[Summary]) -> Iterator[Parts]:
    """Yield the worst lateness of starts for which a client was free, if it is above 1 ms."""
    known = [
        (max(interval.median, *summary.open.late_p99_ns_of_processes, 0), summary)
        for summary in summaries
        if summary.open and (interval := summary.open.late_ns.get("p99"))
    ]
    above = [(late_ns, summary) for late_ns, summary in known if late_ns > LATE_NS]
    if above:
        late_ns, worst = max(above, key=lambda pair: pair[0])
        waiting = "the GIL" if worst.case.loop == "none" else "the event loop"
        assert worst.open is not None, "only a case at a rate is late"
        of_processes = worst.open.late_p99_ns_of_processes
        where = f"process {of_processes.index(max(of_processes)) + 1} of " if of_processes else ""
        yield (
            f"1 % of operations began {with_unit(late_ns, TIMES)} or more after their time, though"
            f" a client was free, in {where}{worst.case.title}; above 1 ms in {len(above)} of"
            f" {len(known)} cases at a rate",
            f"{waiting} was busy with other operations, or the machine with other programs; the"
            " response has this time, and service does not",
            "fewer clients in a process, a lower --rate, or close other programs",
        )


def _rounds(summary: Summary) -> str:
    assert summary.open is not None, "only a case at a rate can miss it"
    return f"{summary.open.held} of {summary.open.rounds} rounds"
