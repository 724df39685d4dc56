"""The figures of docs/streaming.md, made from a results folder."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.analysis.summary import summarise
from bench.model.fetch import Fetch
from bench.model.units import BYTES, RATES, TIMES, Unit, with_unit
from bench.results import file as results
from bench.studies.streaming.break_even import break_evens
from bench.studies.streaming.checks import checks
from bench.studies.streaming.entries import BareLoop
from bench.studies.streaming.evidence import FetchModeResult, ways_of
from bench.studies.streaming.garbage_collector import HEADINGS, collected
from bench.studies.streaming.plan import BATCH_SIZES, BATCHED, FUNCTIONS

BUFFERED, STREAMED = Fetch("buffered"), Fetch("streamed")


def blocks(folder: Path, document: Path) -> dict[str, str]:
    """Return each block as Markdown, by its name. Paths are relative to the document's folder."""
    run = results.load(folder)
    summaries = summarise(run)
    ways = ways_of(run, summaries)
    customers, orders = ([way for way in ways if way.function == name] for name in FUNCTIONS)
    shown = Path(os.path.relpath(folder, document)).as_posix()
    header = run.header
    environment = header.environment
    host = environment.host
    cpu = ", ".join(word for word in (host.cpu, host.cpu_generation) if word)
    return {
        "point": f"![The workshop's stream, one with a batch size, and a plain fetch]"
        f"({shown}/charts/streaming-point.png)\n\n{_ways(customers, ['orm+asyncpg'])}",
        "ways": _ways(customers, list(dict.fromkeys(way.backend for way in customers))),
        "batches": _batches(customers),
        "orders": _ways(orders, ["asyncpg", "core+asyncpg", "orm+psycopg2", "orm+asyncpg"]),
        "held": _held(customers),
        "break_evens": _break_evens(customers),
        "collector": _table(
            ["backend", "fetch", *HEADINGS],
            [[f"`{c.backend}`", f"`{c.fetch}`", *c.cells] for c in collected(summaries)],
            left=2,
        ),
        "checks": "\n".join(
            f"- *{check.word}*: {check.sentence}: **{check.figure}**"
            for check in checks(ways, summaries, run.probed_as(BareLoop))
        ),
        "where": f"`{header.command}`, {header.created_at[:10]}: {cpu},"
        f" {host.cores} cores, Python {environment.python}, PostgreSQL"
        f" {environment.server.version}. Everything is in [{shown}]({shown}/).",
    }


def _ways(ways: Sequence[FetchModeResult], backends: Iterable[str]) -> str:
    rows = [
        [
            f"`{way.backend}`",
            f"`{way.fetch}`",
            way.verdict,
            with_unit(way.points[way.largest].first_row_ns, TIMES),
            _last(way.memory_bytes),
            with_unit(way.points[way.largest].rows_per_s, RATES),
            f"{way.largest:,}",
        ]
        for name in backends
        for way in ways
        if way.backend == name and way.points and way.fetch in (STREAMED, BATCHED, BUFFERED)
    ]
    return _table(
        ["backend", "fetch", "verdict", "first row", "peak memory", "rows/s", "rows"], rows, left=3
    )


def _batches(ways: Sequence[FetchModeResult]) -> str:
    """Return the rows/s of 10,000 rows by batch size, streamed row by row and by batches."""
    by_fetch = {(way.backend, way.fetch): way for way in ways if 10_000 in way.points}
    rows = []
    for backend in dict.fromkeys(way.backend for way in ways):
        for mode in ("streamed", "batched"):
            sized = [by_fetch.get((backend, Fetch(mode, size))) for size in BATCH_SIZES]
            rates = [way.points[10_000].rows_per_s if way else None for way in sized]
            if all(rates):
                cells = [with_unit(rate, RATES) for rate in rates if rate]
                rows.append([f"`{backend}`", f"`{mode}:N`", *cells])
    return _table(["backend", "fetch", *(f"N = {size:,}" for size in BATCH_SIZES)], rows, left=2)


def _held(ways: Sequence[FetchModeResult]) -> str:
    rows = [
        [
            f"`{way.backend}`",
            f"`{way.fetch}`",
            with_unit(way.proof.held_ns, TIMES),
            "-" if way.stopped_ns is None else with_unit(way.stopped_ns, TIMES),
            "yes" if way.proof.clean else f"**{way.proof.state_after}**",
        ]
        for way in ways
        if way.proof and way.fetch in (STREAMED, BATCHED, BUFFERED)
    ]
    heading = ["backend", "fetch", "session held", "ten rows, and left", "clean"]
    return _table(heading, rows, left=2)


def _break_evens(ways: Sequence[FetchModeResult]) -> str:
    rows = [
        [f"`{line.backend}`", line.total_time, line.first_row, line.memory]
        for line in break_evens(ways)
    ]
    return _table(["backend", "total time", "first row", "memory"], rows, left=1)


def _last(by_size: dict[int, int], units: tuple[Unit, ...] = BYTES) -> str:
    return with_unit(by_size[max(by_size)], units) if by_size else "-"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> str:
    rule = ["---"] * left + ["---:"] * (len(heading) - left)
    return "\n".join("| " + " | ".join(line) + " |" for line in (heading, rule, *rows))
