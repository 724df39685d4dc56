"""The surface: throughput and waits of one backend, by number of clients and kind of pool."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.analysis.findings.judge import Judgement, judge
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.summary import Summary
from bench.model.case import Case
from bench.model.connect import SEPARATOR
from bench.model.link import Link
from bench.results.file import Results
from bench.studies.pool.entries import Deadlock, PoolWaits
from bench.studies.pool.plan import DEFAULT_OVERFLOW, OPTIONS, OVERFLOW, PRE_PING, UNPOOLED

CLOSE = 1.05
"""The factor within which a pool is as good as the best."""

_KINDS = {"": "", OVERFLOW: f" + {DEFAULT_OVERFLOW}", PRE_PING: ", pre-ping", UNPOOLED: "NullPool"}


@dataclass(frozen=True)
class Cell:
    """One number of clients with one pool."""

    case: Case
    """The case of the rounds."""
    summary: Summary | None
    """None if the case was in no round: its pool does not let clients wait."""
    waits: PoolWaits | None

    @property
    def kind(self) -> str:
        """The pool in words, as `kind_of` has them."""
        return kind_of(self.case)

    @property
    def is_plain(self) -> bool:
        """Whether the pool has a fixed size and no options, and no PgBouncer is between."""
        return not option_of(self.case) and not self.case.pool.behind_pgbouncer

    @property
    def rate(self) -> float | None:
        """Operations per second; None if it is not known, or if operations failed."""
        if self.summary is None or self.summary.marked or not self.summary.throughput_per_s:
            return None
        return self.summary.throughput_per_s.median

    @property
    def usual_wait_ns(self) -> float | None:
        """The mean wait for a connection; the median where a file of an earlier version has that
        alone; None if it is not known."""
        if self.waits is None:
            return None
        mean_ns = self.waits.wait_mean_ns
        return self.waits.wait_p50_ns if mean_ns is None else mean_ns


def kind_of(case: Case) -> str:
    """Return the pool of a case in words.

    Its size, `5 + 10`, `16, pre-ping`, `NullPool`, or `PgBouncer 4`.
    """
    if case.pool.behind_pgbouncer:
        return f"PgBouncer {case.pool.pooler_size}"
    option = option_of(case)
    size = "" if option == UNPOOLED else str(case.pool.size or case.concurrency)
    return f"{size}{_KINDS[option]}"


def option_of(case: Case) -> str:
    """Return the option of SQLAlchemy's pool that the case has; empty for a fixed size."""
    return next((text for text in case.connect.split(SEPARATOR) if text in OPTIONS), "")


@dataclass(frozen=True)
class Surface:
    """One backend over one link."""

    backend: str
    workload: str
    link: Link
    cells: tuple[Cell, ...]
    deadlocks: tuple[Deadlock, ...]

    @property
    def clients(self) -> list[int]:
        """The numbers of clients, in ascending order."""
        return sorted({cell.case.concurrency for cell in self.cells})

    def at(self, clients: int, *, plain: bool = False) -> list[Cell]:
        """Return the cells of so many clients; with `plain`, those of fixed sizes, ascending."""
        chosen = [cell for cell in self.cells if cell.case.concurrency == clients]
        if not plain:
            return chosen
        fixed = [cell for cell in chosen if cell.is_plain]
        return sorted(fixed, key=lambda cell: cell.case.pool.size or 0)

    def with_option(self, clients: int, connect: str) -> Cell | None:
        """Return the cell of a SQLAlchemy pool with this option, for so many clients."""
        return next((c for c in self.at(clients) if option_of(c.case) == connect), None)

    def behind_pgbouncer(self, clients: int) -> list[Cell]:
        """Return the cells behind a PgBouncer of the run's own, by the size of its pool."""
        cells = [cell for cell in self.at(clients) if cell.case.pool.behind_pgbouncer]
        return sorted(cells, key=lambda cell: cell.case.pool.pooler_size or 0)

    def best(self, clients: int) -> Cell | None:
        """Return the pool of a fixed size with the highest throughput."""
        known = [cell for cell in self.at(clients, plain=True) if cell.rate is not None]
        return max(known, key=lambda cell: cell.rate or 0.0, default=None)

    def share(self, cell: Cell) -> float | None:
        """Return the throughput as a share of the best of a fixed size, for as many clients."""
        best = self.best(cell.case.concurrency)
        if best is None or not best.rate or cell.rate is None:
            return None
        return cell.rate / best.rate

    @property
    def usual(self) -> str:
        """The statistic of `Cell.usual_wait_ns`: `mean`, or `median` in an earlier file."""
        means = (cell.waits.wait_mean_ns for cell in self.cells if cell.waits)
        return "mean" if any(mean_ns is not None for mean_ns in means) else "median"


def percent(share: float | None) -> str:
    """Return the share as text, `-` if it is not known."""
    return "-" if share is None else f"{share * 100:.0f} %"


@dataclass(frozen=True)
class Smallest:
    """The smallest pools, for one number of clients, that are as good as the best."""

    best: Cell
    certain: Cell
    """The smallest whose interval is within `CLOSE` of the best."""
    possible: Cell
    """The smallest whose interval reaches into `CLOSE`: smaller than `certain` if the rounds do not
    tell whether it is within."""
    judged: Judgement | None
    """The best over `certain`; None if they are the same pool."""


def smallest(surface: Surface, clients: int, floor: NoiseFloor | None) -> Smallest | None:
    """Return the smallest pools within 5 % of the best; None with fewer than two sizes.

    The bounds are those of the ratio of the best to the pool, over paired rounds.
    """
    best = surface.best(clients)
    known = [cell for cell in surface.at(clients, plain=True) if cell.rate is not None]
    if best is None or best.summary is None or len(known) < 2:
        return None
    certain = possible = best
    judged: Judgement | None = None
    size = best.case.pool.size or 0
    for cell in reversed([cell for cell in known if (cell.case.pool.size or 0) < size]):
        assert cell.summary is not None
        found = judge(best.summary, cell.summary, floor)
        if found is None or not found.decided:
            continue
        assert found.ratio.low is not None
        assert found.ratio.high is not None
        if found.ratio.high <= CLOSE:
            certain, judged = cell, found
        if found.ratio.low <= CLOSE:
            possible = cell
    if (possible.case.pool.size or 0) > (certain.case.pool.size or 0):
        possible = certain
    return Smallest(best, certain, possible, judged)


def surfaces(results: Results, summaries: Sequence[Summary]) -> list[Surface]:
    """Return a surface for each backend and link, in the order of the run."""
    rounds = {summary.case: summary for summary in summaries if not summary.case.twin}
    waits = {_plain(entry.case): entry for entry in results.probed_as(PoolWaits)}
    deadlocks = results.probed_as(Deadlock)
    by_backend: dict[tuple[str, str, Link], dict[Case, None]] = {}
    for case in (*rounds, *waits):
        by_backend.setdefault((case.backend, case.workload, case.link), {})[case] = None
    return [
        Surface(
            backend,
            workload,
            link,
            tuple(
                Cell(case, rounds.get(case), waits.get(case)) for case in sorted(cases, key=_order)
            ),
            tuple(d for d in deadlocks if (d.case.backend, d.case.link) == (backend, link)),
        )
        for (backend, workload, link), cases in by_backend.items()
    ]


def _plain(case: Case) -> Case:
    """Return the case without the timeout of its pool: that of the rounds."""
    return replace(case, pool=replace(case.pool, timeout_s=None))


def _order(case: Case) -> tuple[int, int, int, int]:
    kind = list(_KINDS).index(option_of(case))
    return case.concurrency, case.pool.pooler_size or 0, kind, case.pool.size or 0
