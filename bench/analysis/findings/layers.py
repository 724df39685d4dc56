"""The cost of Core and the ORM over their driver, and the differences between drivers."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from bench.analysis import stats
from bench.analysis.figure import FIGURES, THROUGHPUT
from bench.analysis.findings.finding import Finding, clients, inverse, rounds, share, times, work
from bench.analysis.findings.judge import Judgement, floor_between, judge
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.pairs import layered
from bench.analysis.selection import Selection, busiest
from bench.analysis.stats import Interval
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.results.file import Results

TOPIC = "The price of layers"
DRIVERS = "Drivers"
ALIKE = "Inside the noise"
CPU = FIGURES["cpu"]
NEARLY_ALL = 0.8
HALF = 0.5

Pair = tuple[Judgement, Summary, Summary]


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    for workload in selection.workloads:
        measured = [s for s in selection.alike(workload) if s.throughput_per_s]
        if not measured:
            continue
        most = busiest(measured)
        at_most = {e.case.backend: e for e in measured if e.case.concurrency == most}
        looks = [selection.looks[name] for name in at_most]
        pairs = [(at_most[bare.name], at_most[above.name]) for bare, above in layered(looks)]
        yield from (_price(*pair) for pair in _strongest_first(pairs, selection.floor))
        bare = [at_most[look.name] for look in looks if look.layer == "driver"]
        yield from _drivers(bare, selection.floor)
        yield from _alike(at_most, selection)


def _strongest_first(pairs: list[tuple[Summary, Summary]], floor: NoiseFloor | None) -> list[Pair]:
    """Return the pairs that differ, the largest ratio first."""
    found: list[Pair] = []
    for bare, above in pairs:
        slower = judge(bare, above, floor)
        if slower and slower.apart:
            found.append((slower, bare, above))
    return sorted(found, key=lambda pair: -pair[0].ratio.median)


def _price(slower: Judgement, bare: Summary, above: Summary) -> Finding:
    case = above.case
    where = f"{work(case)} {clients(case)}"
    if slower.ratio.median < 1:
        faster = times(inverse(slower.ratio))
        sentence = f"`{case.backend}` is {faster} as fast as `{bare.case.backend}` for {where}"
    else:
        sentence = (
            f"`{case.backend}` takes {times(slower.ratio)} as long as `{bare.case.backend}` "
            f"for {where}"
        )
    evidence = f"throughput in {rounds(slower.ratio.rounds)}"
    added = _cpu_share_of_added_time(bare, above)
    if added is not None and added.low is not None and slower.ratio.median > 1:
        if added.low >= NEARLY_ALL:
            sentence += ", nearly all of it client CPU"
        elif added.low >= HALF:
            sentence += ", most of it client CPU"
        if added.low >= HALF:
            evidence += f"; client CPU is {share(added)} of the time added"
    return Finding(TOPIC, f"{sentence}.", evidence, (bare.case, case))


def _cpu_share_of_added_time(bare: Summary, above: Summary) -> Interval | None:
    """Return the share of an operation's added time that is client CPU, over the paired rounds.

    The time of an operation is here 1 / throughput, over all clients together.
    """
    cpu, bare_cpu = above.by_round(CPU), bare.by_round(CPU)
    rate, bare_rate = above.by_round(THROUGHPUT), bare.by_round(THROUGHPUT)
    shares = []
    for number in cpu.keys() & bare_cpu.keys() & rate.keys() & bare_rate.keys():
        if rate[number] > 0 and bare_rate[number] > 0:
            added_ns = stats.NS_PER_S / rate[number] - stats.NS_PER_S / bare_rate[number]
            if added_ns > 0:
                shares.append((cpu[number] - bare_cpu[number]) / added_ns)
    return stats.median_over_rounds(shares)


def _drivers(bare: list[Summary], floor: NoiseFloor | None) -> Iterator[Finding]:
    """Yield the fastest driver against each driver that it differs from."""
    ranked = sorted(bare, key=lambda summary: summary.median_per_s, reverse=True)
    for other in ranked[1:]:
        faster = judge(ranked[0], other, floor)
        if faster and faster.apart:
            best, case = ranked[0].case, other.case
            sentence = (
                f"`{best.backend}` {clients(best)} is {times(faster.ratio)} as fast as "
                f"`{case.backend}` {clients(case)} for {work(case)}."
            )
            evidence = f"throughput in {rounds(faster.ratio.rounds)}"
            yield Finding(DRIVERS, sentence, evidence, (best, case))


def _alike(measured: dict[str, Summary], selection: Selection) -> Iterator[Finding]:
    """Yield, by layer, the pairs whose difference is within the noise floor."""
    floor = selection.floor
    if floor is None:
        return
    for layer in selection.layers(measured.values()):
        alike = [
            summary for name, summary in measured.items() if selection.looks[name].layer == layer
        ]
        inside = [
            (judged.ratio, one, other)
            for one, other in combinations(alike, 2)
            if (judged := judge(one, other, floor))
            if judged.decided and _inside(judged.ratio, floor_between(floor, one.case, other.case))
        ]
        if inside:
            case = alike[0].case
            pairs = [f"`{one.case.backend}` and `{other.case.backend}`" for _, one, other in inside]
            sentence = (
                f"For {work(case)} at {case.concurrency}, the difference between "
                f"{'; between '.join(pairs)} is inside the noise floor."
            )
            evidence = "; ".join(times(ratio) for ratio, *_ in inside) + f"; noise floor: {floor}"
            cases = dict.fromkeys(s.case for _, *both in inside for s in both)
            equal = [case for pair in floor.pairs for case in (pair.case, _twin(pair.case))]
            yield Finding(ALIKE, sentence, evidence, (*cases, *equal))


def _inside(ratio: Interval, floor: float) -> bool:
    return 1 / floor <= ratio.median <= floor


def _twin(case: Case) -> Case:
    return replace(case, twin=True)
