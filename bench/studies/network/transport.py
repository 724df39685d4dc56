"""Sentences about a Unix socket and TCP to the same server on this machine."""

from collections.abc import Iterator
from dataclasses import replace

from bench.analysis.findings.finding import Finding, clients, inverse, rounds, times, work
from bench.analysis.findings.judge import judge
from bench.analysis.selection import Selection

TOPIC = "A Unix socket or TCP"


def findings(selection: Selection) -> Iterator[Finding]:
    """Yield a sentence for each case that was measured by both."""
    known = {summary.case: summary for summary in selection.summaries}
    for case, by_socket in known.items():
        by_tcp = known.get(replace(case, transport="tcp"))
        if case.transport != "unix" or by_tcp is None:
            continue
        judged = judge(by_socket, by_tcp, selection.floor)
        if judged is None or not judged.decided:
            continue
        where = f"{work(case)} through `{case.backend}` {clients(case)}"
        ratio = judged.ratio
        if not judged.apart:
            sentence = f"A Unix socket and TCP cannot be told apart in {where}: {times(ratio)}"
        elif ratio.median > 1:
            sentence = f"TCP makes {where} take {times(ratio)} as long as a Unix socket"
        else:
            sentence = f"A Unix socket makes {where} take {times(inverse(ratio))} as long as TCP"
        evidence = (
            f"throughput by a Unix socket over that by TCP: {times(ratio)} in"
            f" {rounds(ratio.rounds)}"
        )
        yield Finding(TOPIC, f"{sentence}.", evidence, (case, by_tcp.case))
