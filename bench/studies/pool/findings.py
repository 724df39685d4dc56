"""Sentences about pools: how large one has to be, what its options cost, and when it deadlocks."""

from collections.abc import Iterator

from bench.analysis.findings.finding import Finding, clients, inverse, listed, rounds, times, work
from bench.analysis.findings.judge import judge
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.selection import Selection
from bench.model.case import Case
from bench.model.connect import SEPARATOR
from bench.model.units import TIMES, with_unit
from bench.results.file import Results
from bench.studies.pool.plan import OVERFLOW, PRE_PING, UNPOOLED
from bench.studies.pool.surface import (
    CLOSE,
    Cell,
    Smallest,
    Surface,
    kind_of,
    percent,
    smallest,
    surfaces,
)

TOPIC = "Connection pools"

_OPTIONS = {
    OVERFLOW: "SQLAlchemy's default pool of {kind}",
    PRE_PING: "A pre-ping before each use",
    UNPOOLED: "A new connection for each operation (NullPool)",
}


def findings(results: Results, selection: Selection) -> Iterator[Finding]:
    """Yield every finding that these results have evidence for."""
    planned = selection.variants or selection.summaries
    for surface in surfaces(results, planned):
        if not any(cell.waits for cell in surface.cells):
            continue
        most = surface.clients[-1]
        yield from _smallest(surface, most, selection.floor)
        yield from _waits(surface, most)
        yield from _starving(surface, most)
        yield from _options(surface, most, selection.floor)
        yield from _pgbouncer(surface, most, selection.floor)
        yield from _timeouts(surface)
        yield from _deadlock(surface)


def _where(surface: Surface, cell: Cell) -> str:
    link = "" if surface.link.is_direct else f" at {surface.link} to the server"
    return f"`{surface.backend}` {clients(cell.case)}{link}"


def _smallest(surface: Surface, most: int, floor: NoiseFloor | None) -> Iterator[Finding]:
    found = smallest(surface, most, floor)
    if found is None:
        return
    best, certain, possible = found.best, found.certain, found.possible
    sentence = f"{_where(surface, best)}, {work(best.case)}: {_enough(found)}"
    if possible is not certain:
        sentence += (
            f"; these rounds do not tell whether {possible.kind} is also within"
            f" {(CLOSE - 1) * 100:.0f} %"
        )
    evidence = f"operations per second of the pool of {best.kind} over that of {certain.kind}"
    if found.judged:
        ratio = found.judged.ratio
        evidence += f": {times(ratio)} in {rounds(ratio.rounds)}"
    else:
        evidence = "operations per second, in paired rounds"
    yield Finding(TOPIC, f"{sentence}.", evidence, _cases(best, certain, possible))


def _enough(found: Smallest) -> str:
    if found.certain is found.best:
        return (
            f"the pool of {found.best.kind} has the highest throughput, and no smaller one is"
            f" shown to be within {(CLOSE - 1) * 100:.0f} % of it"
        )
    return f"the smallest pool within {(CLOSE - 1) * 100:.0f} % of the best is {found.certain.kind}"


def _waits(surface: Surface, most: int) -> Iterator[Finding]:
    """Compare the waits in the smallest and the largest pool that served every request."""
    watched = [
        cell
        for cell in surface.at(most, plain=True)
        if cell.waits and cell.waits.checkouts and not cell.waits.timeouts
    ]
    if len(watched) < 2:
        return
    small, large = watched[0], watched[-1]
    if not small.usual_wait_ns or large.usual_wait_ns is None:
        return
    sentence = (
        f"{_where(surface, small)}: a client waits {_wait(surface, small)} for a connection of a"
        f" pool of {small.kind}{_beside(small)}, and {_wait(surface, large)} with"
        f" {large.kind}{_beside(large)}"
    )
    taken = [f"{cell.waits.checkouts:,}" for cell in (small, large) if cell.waits]
    evidence = f"{listed(taken)} connections taken, in one window each"
    yield Finding(TOPIC, f"{sentence}.", evidence, _cases(small, large))


def _wait(surface: Surface, cell: Cell) -> str:
    how = {"mean": " on average", "median": " in the median"}[surface.usual]
    return f"{with_unit(cell.usual_wait_ns or 0, TIMES)}{how}"


def _beside(cell: Cell) -> str:
    """Return the 99th percentile and the part of the time, in parentheses, as far as known."""
    waits = cell.waits
    if waits is None:
        return ""
    words = []
    if waits.wait_p99_ns is not None:
        words.append(f"p99 {with_unit(waits.wait_p99_ns, TIMES)}")
    if waits.waiting_share is not None:
        words.append(f"{percent(waits.waiting_share)} of its time")
    return f" ({', '.join(words)})" if words else ""


def _starving(surface: Surface, most: int) -> Iterator[Finding]:
    """Name the pools that let some clients wait while others work."""
    uneven = [cell for cell in surface.at(most) if cell.waits and cell.waits.is_uneven]
    if not uneven:
        return
    worst = min(uneven, key=lambda cell: (cell.waits and cell.waits.evenness) or 0)
    waits = worst.waits
    assert waits is not None
    sentence = (
        f"{_where(surface, worst)}: clients of a pool of {listed([c.kind for c in uneven])} starve:"
        f" with {worst.kind}, one finished {waits.most_operations:,} operations in"
        f" {waits.window_ns / 1e9:g} s and another {waits.fewest_operations:,}"
    )
    yield Finding(TOPIC, f"{sentence}.", "counted in one window each", _cases(*uneven))


def _options(surface: Surface, most: int, floor: NoiseFloor | None) -> Iterator[Finding]:
    base = next((c for c in surface.at(most, plain=True) if c.case.pool.size == most), None)
    if base is None or base.summary is None:
        return
    for option, words in _OPTIONS.items():
        cell = surface.with_option(most, option)
        if cell is None or cell.summary is None:
            continue
        judged = judge(base.summary, cell.summary, floor)
        if judged is None or not judged.decided:
            continue
        name = words.format(kind=cell.kind)
        if judged.apart:
            slower = judged.ratio.median > 1
            effect = times(judged.ratio if slower else inverse(judged.ratio))
            said = f"makes an operation take {effect} as long as" if slower else f"does {effect} of"
        else:
            said = "cannot be told from"
        sentence = f"{name} {said} a pool of {base.kind}: {_where(surface, base)}"
        if cell.waits and cell.waits.opened:
            seconds = cell.waits.window_ns / 1e9
            sentence += f"; it opened {cell.waits.opened:,} connections in {seconds:g} s"
        evidence = f"operations per second in {rounds(judged.ratio.rounds)}"
        yield Finding(TOPIC, f"{sentence}.", evidence, _cases(base, cell))


def _pgbouncer(surface: Surface, most: int, floor: NoiseFloor | None) -> Iterator[Finding]:
    """Compare as many connections behind PgBouncer with as many to the server itself."""
    behind = surface.behind_pgbouncer(most)
    direct = next((c for c in surface.at(most, plain=True) if c.case.pool.size == most), None)
    if not behind:
        return
    small, large = behind[0], behind[-1]
    judged = None
    if direct and direct.summary and large.summary:
        judged = judge(direct.summary, large.summary, floor)
    if judged is not None and judged.decided and direct is not None:
        with_it = f"A PgBouncer of {large.case.pool.pooler_size} in transaction mode"
        cost = "cannot be told from"
        if judged.apart and judged.ratio.median > 1:
            cost = f"makes an operation take {times(judged.ratio)} as long as"
        elif judged.apart:
            cost = f"does {times(inverse(judged.ratio))} of"
        sentence = f"{with_it} {cost} a pool of {direct.kind}: {_where(surface, direct)}"
        if added := [text for text in pairs_of(large.case) if text not in pairs_of(direct.case)]:
            sentence += f"; there it has `{SEPARATOR.join(added)}`"
        evidence = f"operations per second in {rounds(judged.ratio.rounds)}"
        yield Finding(TOPIC, f"{sentence}.", evidence, _cases(direct, large))
    told = [cell for cell in (small, large) if cell.waits and cell.waits.pooler_wait_ns is not None]
    if len(told) == 2 and small is not large:
        parts = [
            f"{with_unit(cell.waits.pooler_wait_ns or 0, TIMES)} for one of"
            f" {cell.case.pool.pooler_size}"
            for cell in told
            if cell.waits
        ]
        sentence = (
            f"{_where(surface, small)}: a transaction waits in PgBouncer {listed(parts)} server"
            " connections"
        )
        evidence = "mean waits that its admin console shows (SHOW STATS)"
        yield Finding(TOPIC, f"{sentence}.", evidence, _cases(small, large))


def pairs_of(case: Case) -> list[str]:
    """Return the settings with which the case connects."""
    return [text for text in case.connect.split(SEPARATOR) if text]


def _timeouts(surface: Surface) -> Iterator[Finding]:
    for cell in surface.cells:
        waits = cell.waits
        if waits is None or not waits.timeouts:
            continue
        asked = waits.checkouts + waits.timeouts
        sentence = (
            f"{_where(surface, cell)}, pool of {cell.kind}: {waits.timeouts:,} of {asked:,}"
            f" requests for a connection got none (`{waits.timeout_error}`)"
        )
        if waits.wait_p50_ns is not None:
            sentence += f"; the others got one after {with_unit(waits.wait_p50_ns, TIMES)}"
        yield Finding(TOPIC, f"{sentence}.", "counted in one window", _cases(cell))


def _deadlock(surface: Surface) -> Iterator[Finding]:
    if not surface.deadlocks:
        return
    amount = surface.deadlocks[0].clients
    held = [kind_of(entry.case) for entry in surface.deadlocks if entry.deadlocked]
    free = [kind_of(entry.case) for entry in surface.deadlocks if not entry.deadlocked]
    noun = "threads" if surface.deadlocks[0].case.loop == "none" else "tasks"
    sentence = (
        f"`{surface.backend}`: {amount} {noun} that each hold a connection and need a second one"
    )
    if held:
        sentence += f" deadlock with a pool of {listed(held)}"
    if free:
        sentence += f"{', and' if held else ''} finish with {listed(free)}"
    errors = dict.fromkeys(e.timeout_error for e in surface.deadlocks if e.timeout_error)
    evidence = "each client took two connections" + (
        f"; the pool's error: `{next(iter(errors))}`" if errors else ""
    )
    yield Finding(TOPIC, f"{sentence}.", evidence)


def _cases(*cells: Cell) -> tuple[Case, ...]:
    return tuple(dict.fromkeys(cell.case for cell in cells if cell.summary))
