"""The time of one operation by its parts: server, driver, SQLAlchemy, and waiting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.analysis.findings.finding import listed
from bench.analysis.summary import Summary
from bench.model.units import TIMES, with_unit
from bench.results.file import Results
from bench.results.statement import ServerTimes
from bench.studies.query.entries import ServerStatistics

PARTS = (
    *("server: the plan", "server: the rest"),
    *("client: driver", "client: Core", "client: ORM", "waiting"),
)
"""The parts in the order of every chart and table."""
MOST = 0.5
"""The share from which a part is said to decide."""


@dataclass(frozen=True, eq=False)
class Split:
    """The mean time of an operation of one backend, by parts; in nanoseconds.

    The parts may overlap: a server sends the first rows while it makes the next, and the client
    reads them. Then their sum is more than `total_ns`.
    """

    summary: Summary
    total_ns: float
    """The time of an operation for its client: concurrency / throughput."""
    plan_ns: float
    """The server's execution of the plan: from pg_stat_statements if it counted this backend's
    statement, or else from EXPLAIN ANALYZE."""
    rest_ns: float | None
    """The CPU time of the server beside it (protocol, parsing, locks); None if it is not known."""
    driver_ns: float
    """The CPU time of the client through the driver alone."""
    core_ns: float
    """The CPU time that SQLAlchemy Core adds; 0 for a driver."""
    orm_ns: float = 0.0
    """The CPU time that SQLAlchemy's ORM adds to Core."""
    counted: bool = False
    """Whether `plan_ns` is from pg_stat_statements: the mean over the windows of this backend."""
    explained_ns: float = 0.0
    """The time of the plan from EXPLAIN ANALYZE."""

    @property
    def backend(self) -> str:
        """The name of the backend."""
        return self.summary.case.backend

    @property
    def server_ns(self) -> float:
        """The part of the server."""
        return self.plan_ns + (self.rest_ns or 0)

    @property
    def client_ns(self) -> float:
        """The CPU time of the client."""
        return self.driver_ns + self.core_ns + self.orm_ns

    @property
    def waiting_ns(self) -> float:
        """The rest: network, wake-ups of processes, scheduling, and other clients' turns."""
        return max(0.0, self.total_ns - self.server_ns - self.client_ns)

    @property
    def overlap_ns(self) -> float:
        """The time by which the parts overlap."""
        return max(0.0, self.server_ns + self.client_ns - self.total_ns)

    @property
    def parts(self) -> dict[str, float]:
        """Part -> nanoseconds, in the order of `PARTS`."""
        client = (self.driver_ns, self.core_ns, self.orm_ns)
        times = (self.plan_ns, self.rest_ns or 0, *client, self.waiting_ns)
        return dict(zip(PARTS, times, strict=True))

    def share(self, part_ns: float) -> float:
        """Return the part's share of the time, at most 1."""
        return min(1.0, part_ns / max(self.total_ns, self.server_ns + self.client_ns))


def shown_parts(made: Sequence[Split]) -> tuple[str, ...]:
    """Return the parts that a chart or a table shows: the ORM's only if the ORM was measured."""
    return tuple(
        part for part in PARTS if part != "client: ORM" or any(split.orm_ns for split in made)
    )


def splits(results: Results, summaries: Sequence[Summary]) -> list[Split]:
    """Return a split for each backend that was measured, of its plainest case.

    That is the lowest concurrency, where clients wait least for each other, and the first way of
    fetching. Empty unless the run has a statement with the server's times.
    """
    for name, facts in results.header.statements.items():
        measured = [
            summary
            for summary in summaries
            if summary.case.workload == name
            and not summary.case.twin
            and summary.throughput_per_s
            and summary.client_cpu_ns
        ]
        if measured and facts.server:
            lowest = min(summary.case.concurrency for summary in measured)
            fetch = min(summary.case.fetch for summary in measured)
            plain = {
                s.case.backend: s
                for s in reversed(measured)  # the first way to connect, and the first transactions
                if (s.case.concurrency, s.case.fetch) == (lowest, fetch)
            }
            return _splits(results, list(reversed(plain.values())), facts.server)
    return []


def _splits(results: Results, plain: Sequence[Summary], server: ServerTimes) -> list[Split]:
    known = {
        (_layer(results, summary), *_driver(results, summary)): summary.client_cpu_ns.median
        for summary in plain
        if summary.client_cpu_ns
    }
    statistics = {entry.case: entry for entry in results.probed_as(ServerStatistics)}
    made = []
    for summary in plain:
        rate, cpu, server_cpu = (
            interval.median if interval else None
            for interval in (summary.throughput_per_s, summary.client_cpu_ns, summary.server_cpu_ns)
        )
        if not rate or cpu is None:
            continue
        layer, family = _layer(results, summary), _driver(results, summary)
        # Without the bare driver, its part is in that of the layer: `sentences` says so.
        driver = cpu if layer == "driver" else min(cpu, known.get(("driver", *family), 0.0))
        core = cpu if layer != "orm" else min(cpu, known.get(("core", *family), driver))
        core = max(core, driver)
        found = statistics.get(summary.case)
        plan = found.mean_ns if found else float(server.execution_ns)
        rest = None if server_cpu is None else max(0.0, server_cpu - plan)
        total = summary.case.concurrency * 1e9 / rate
        made.append(
            Split(
                *(summary, total, plan, rest, driver, core - driver, cpu - core),
                counted=found is not None,
                explained_ns=float(server.execution_ns),
            )
        )
    return made


def _layer(results: Results, summary: Summary) -> str | None:
    return results.header.backend(summary.case.backend).layer


def _driver(results: Results, summary: Summary) -> tuple[str | None, bool]:
    """Return the driver and the mode: the price of a layer is a difference with both constant."""
    return results.header.backend(summary.case.backend).driver, summary.case.loop == "none"


def sentences(made: Sequence[Split]) -> list[str]:
    """Return in words where the time goes; names of backends are in backquotes."""
    if not made:
        return []
    fastest = min(made, key=lambda split: split.total_ns)
    where = f"an operation through `{fastest.backend}`, the fastest at concurrency"
    where += f" {fastest.summary.case.concurrency}"
    whole = with_unit(fastest.total_ns, TIMES)
    shares = {
        "the server's work": fastest.share(fastest.server_ns),
        "the client's CPU time": fastest.share(fastest.client_ns),
        "waiting for wake-ups, the network and other clients": fastest.share(fastest.waiting_ns),
    }
    what, share = max(shares.items(), key=lambda item: item[1])
    found = [f"{share:.0%} of {where} ({whole}), is {what}.".replace("%", " %")]
    if what == "the server's work" and share >= MOST:
        found.append("No library changes that part: a faster plan or an index would.")
    found += _prices(made)
    if mixed := [split.backend for split in made if not split.driver_ns]:
        found.append(
            f"The driver's part is in that of the layer for `{mixed[0]}`: measure it alone too."
        )
    if slower := max(made, key=lambda split: split.total_ns, default=None):
        factor = slower.total_ns / fastest.total_ns
        if factor >= 1.1 and slower.share(slower.server_ns) < MOST:
            plan = with_unit(slower.plan_ns, TIMES)
            found.append(
                f"The slowest, `{slower.backend}`, takes {factor:.1f} times as long, with"
                f" {plan if slower.counted else f'the same {plan}'} of the plan."
            )
    overlapping = [split.backend for split in made if split.overlap_ns > 0.05 * split.total_ns]
    if overlapping:
        found.append(
            f"The parts overlap through `{overlapping[0]}`"
            + (f" and {len(overlapping) - 1} others" if len(overlapping) > 1 else "")
            + ": server and client work at the same time."
        )
    return found


def source(made: Sequence[Split]) -> str:
    """Return in words where the server's times come from; empty if nothing was split."""
    if not made:
        return ""
    counted = [split for split in made if split.counted]
    if not counted:
        return "The plan's time is EXPLAIN's alone: pg_stat_statements counts nothing here."
    least, most = (
        with_unit(choose(split.plan_ns for split in counted), TIMES) for choose in (min, max)
    )
    words = f"By pg_stat_statements, the server executed it in {least} to {most}"
    if len(counted) == 1:
        words = f"By pg_stat_statements, the server executed it in {least}"
    words += f" on average while it was measured; EXPLAIN: {with_unit(made[0].explained_ns, TIMES)}"
    if others := [split.backend for split in made if not split.counted]:
        words += f". EXPLAIN's time stands for {listed([f'`{name}`' for name in others])}"
    return f"{words}."


def _prices(made: Sequence[Split]) -> Iterator[str]:
    """Yield what SQLAlchemy adds to its driver, where it adds most."""
    added = {
        "Core": {split: split.core_ns for split in made if not split.orm_ns and split.driver_ns},
        "The ORM, with Core,": {s: s.core_ns + s.orm_ns for s in made if s.orm_ns and s.driver_ns},
    }
    for name, prices in added.items():
        dearest = max(prices, key=lambda split: prices[split] / split.client_ns, default=None)
        if dearest and prices[dearest] > 0:
            more, driver = (with_unit(ns, TIMES) for ns in (prices[dearest], dearest.driver_ns))
            yield (
                f"{name} adds {more} of client CPU to the driver's {driver} in `{dearest.backend}`."
            )
