"""Sentences about processes: what several gain over one, and whether the GIL was the limit."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.analysis.findings.finding import Finding, conditions, inverse, rounds, times, work
from bench.analysis.findings.judge import Judgement, judge
from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.results.file import Results
from bench.results.header import Environment
from bench.studies.processes.by_processes import ByProcesses, by_processes

TOPIC = "More processes"
BUSY = 0.9
"""The share of a core from which a process with the GIL has no CPU time left."""


@dataclass(frozen=True)
class Gain:
    """A backend in several processes against the same in one."""

    several: Summary
    one: Summary
    judged: Judgement


def findings(_: Results, selection: Selection) -> Iterator[Finding]:
    """Yield a sentence for the backend that gains most, and one for the one that gains least."""
    for measured in by_processes(selection):
        gains = sorted(
            _gains(measured, selection), key=lambda gain: gain.judged.ratio.median, reverse=True
        )
        for gain in gains[:1] + gains[1:][-1:]:
            yield _finding(gain, selection.header.environment)


def _gains(measured: ByProcesses, selection: Selection) -> Iterator[Gain]:
    """Yield each backend's best number of processes against its fewest."""
    for of_number in measured.backends.values():
        fewest, *others = of_number.values()
        best = max(others, key=lambda summary: summary.median_per_s)
        if judged := judge(best, fewest, selection.floor):
            yield Gain(best, fewest, judged)


def _finding(gain: Gain, machine: Environment) -> Finding:
    gil = machine.gil is not False
    several, one, judged = gain.several.case, gain.one.case, gain.judged
    clients = f"{several.concurrency} clients{conditions(several)}"
    what = f"`{several.backend}`, {work(several)} with {clients}"
    here, there = _shape(gain.several), _shape(gain.one)
    if not judged.apart:
        end = "do as much as" if judged.decided else "cannot be told from"
        sentence = f"{what}: {here} {end} {there}, within the noise floor"
        if not judged.decided:
            sentence = f"{what}: {here} cannot be told from {there} in so few rounds"
        else:
            sentence += _reason(gain, machine)
    elif judged.ratio.median > 1:
        sentence = f"{what}: {here} beat {there} by {times(judged.ratio)}"
        if gil and _busy(gain.one):
            sentence += ": the GIL was the limit"
        elif not gil:
            sentence += ", although Python runs without the GIL"
    else:
        sentence = f"{what}: {there} beats {here} by {times(inverse(judged.ratio))}"
        sentence += _reason(gain, machine)
    evidence = (
        f"throughput of {several.processes} processes over {one.processes}, in"
        f" {rounds(judged.ratio.rounds)}; {there} used {_used(gain.one)},"
        f" {here} {_used(gain.several)}"
    )
    return Finding(TOPIC, f"{sentence}.", evidence, (several, one))


def _reason(gain: Gain, machine: Environment) -> str:
    """Return why several processes do not gain, as the end of the sentence; empty if unknown."""
    server = _server_cores(gain.several)
    cores = machine.host.cores
    if server is not None and cores and _cores(gain.several) + server >= BUSY * cores:
        return f": they and the server use all {cores} cores of this machine"
    if not _busy(gain.one):
        count = gain.one.case.processes
        return f": {'one process' if count == 1 else 'the few'} had CPU time left to begin with"
    return ""


def _used(summary: Summary) -> str:
    server = _server_cores(summary)
    words = f"{_cores(summary):.2f} cores"
    return words if server is None else f"{words} and {server:.2f} of the server's"


def _shape(summary: Summary) -> str:
    """Return `4 processes of 4 tasks`; where the clients are uneven, the most of a process."""
    case = summary.case
    each = max(len(case.clients_of(number)) for number in range(case.processes))
    kind = "thread" if case.loop == "none" else "task"
    processes = "one process" if case.processes == 1 else f"{case.processes} processes"
    return f"{processes} of {each} {kind}{'s' if each > 1 else ''}"


def _busy(summary: Summary) -> bool:
    return _cores(summary) >= BUSY * summary.case.processes


def _cores(summary: Summary) -> float:
    """Return the cores that the clients used: throughput x CPU time of an operation."""
    if summary.throughput_per_s is None or summary.client_cpu_ns is None:
        return 0.0
    return summary.throughput_per_s.median * summary.client_cpu_ns.median / 1e9


def _server_cores(summary: Summary) -> float | None:
    """Return the cores that a local server used; None for another server."""
    if summary.throughput_per_s is None or summary.server_cpu_ns is None:
        return None
    return summary.throughput_per_s.median * summary.server_cpu_ns.median / 1e9
