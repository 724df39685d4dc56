"""When asyncio wins over threads, and when it loses."""

from collections.abc import Iterator

from bench.analysis.findings.finding import Finding, inverse, listed, rounds, times, work
from bench.analysis.findings.judge import Judgement, judge
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.pairs import Move, habitual, same_library
from bench.analysis.selection import Selection, by_backend
from bench.analysis.summary import Summary
from bench.analysis.wording import LAYER_NAMES
from bench.results.file import Results

TOPIC = "Threads or asyncio"


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    for workload in selection.workloads:
        measured = by_backend(selection.alike(workload))
        looks = [look for name in measured if not (look := selection.looks[name]).null]
        moves = {move: _library(move) for move in same_library(looks)}
        moves |= {move: _change(move) for move in habitual(looks)}
        found = [
            (who, pairs)
            for move, who in moves.items()
            if (pairs := _pairs(measured, move, selection.floor))
        ]
        found.sort(key=lambda move: not any(judged.apart for judged, *_ in move[1]))
        yield from (_finding(who, pairs) for who, pairs in found)


def _finding(who: str, pairs: list[tuple[Judgement, Summary, Summary]]) -> Finding:
    """Return the finding: the concurrencies at which tasks mode wins, or neither does."""
    clauses = []
    for words, asyncio_wins in (("asyncio beats threads", True), ("threads beat asyncio", False)):
        by = [
            f"{times(judged.ratio if asyncio_wins else inverse(judged.ratio))} "
            f"at {tasks.case.concurrency}"
            for judged, tasks, _ in pairs
            if judged.apart and (judged.ratio.median > 1) == asyncio_wins
        ]
        if by:
            clauses.append(f"{words} by {listed(by)}")
    unsure = [str(tasks.case.concurrency) for judged, tasks, _ in pairs if not judged.apart]
    if clauses:
        sentence = f"For {work(pairs[0][1].case)} {who}, {' and '.join(clauses)}"
        sentence += f"; indistinguishable at {listed(unsure)}." if unsure else "."
    else:
        sentence = (
            f"For {work(pairs[0][1].case)} {who}, asyncio and threads are indistinguishable "
            f"at {listed(unsure)}."
        )
    evidence = "; ".join(
        f"at {tasks.case.concurrency}, throughput of tasks over threads {times(judged.ratio)}"
        for judged, tasks, _ in pairs
    )
    cases = tuple(summary.case for _, *both in pairs for summary in both)
    return Finding(TOPIC, sentence, f"{evidence}; {rounds(pairs[0][0].ratio.rounds)}", cases)


def _pairs(
    measured: dict[str, list[Summary]], move: Move, floor: NoiseFloor | None
) -> list[tuple[Judgement, Summary, Summary]]:
    threads, tasks = ({e.case.concurrency: e for e in measured[look.name]} for look in move)
    return [
        (judged, tasks[concurrency], threads[concurrency])
        for concurrency in sorted(threads.keys() & tasks.keys())
        if (judged := judge(tasks[concurrency], threads[concurrency], floor))
        if judged.decided
    ]


def _library(move: Move) -> str:
    return f"through `{move[0].name}`"


def _change(move: Move) -> str:
    layer = LAYER_NAMES.get(move[0].layer, move[0].layer)
    return f"({layer}, from {move[0].driver} in threads to {move[1].driver} in tasks)"
