"""The check that every backend gives the same answers. Otherwise nothing is timed.

`backend_checks` has the reads and writes of a backend; this module judges the answers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from accessors import DiscoveredBackend
from accessors.sql import SCHEMA
from bench.dataset.loading import restore
from bench.dataset.lock import Lock
from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.dataset import Dataset
from bench.model.fetch import Fetch
from bench.model.timeout import TIMEOUT_S
from bench.model.workload import Operation
from bench.server.database import Database
from bench.verification import backend_checks, expected
from bench.verification.backend_checks import Written
from bench.verification.ways import Way

if TYPE_CHECKING:
    import psycopg


FETCHES = (
    Fetch("buffered"),
    Fetch("streamed"),
    Fetch("streamed", 100),
    Fetch("batched"),
    Fetch("batched", 1000),
    Fetch("iterated"),
    Fetch("single-row"),
    Fetch("single-row", 100),
)
"""Every way to fetch, with the library's own batch size and with a given one."""


@dataclass(frozen=True)
class VerificationResult:
    """The outcome of the verification of one backend."""

    backend: str
    checks: int
    """The number of answers and writes that were checked."""
    difference: str | None = None
    """The first difference in words, with its row. None if there is none."""


def verify(
    pool: WorkerPool,
    held: Lock,
    database: Database,
    dataset: Dataset,
    backends: Mapping[str, DiscoveredBackend],
    fetches: Iterable[Fetch] = FETCHES,
    *,
    on_compared: Callable[[str], None] = lambda backend: None,
    on_verdict: Callable[[VerificationResult], None] = lambda verdict: None,
    timeout_s: float = TIMEOUT_S,
    ways: Mapping[str, Sequence[Way]] | None = None,
    transactions: bool = True,
) -> list[VerificationResult]:
    """Return the verdict on each backend: first reads by these fetches (and buffered), then writes.

    The rows are then restored. Raises `BenchError` if another command may have used them.

    Backends that answer from memory have only the sample, and are not verified. `ways`: backend ->
    the ways in which it connects, each of which is verified; one with its defaults if it has none.
    Without `transactions` only the buffered reads are verified: a pooler in statement mode refuses
    the other functions.
    """
    chosen = ways or {}
    rounds = max((len(chosen.get(name, ())) for name in backends), default=1) or 1
    verdicts: dict[str, VerificationResult] = {}
    for number in range(rounds):
        of_round = {
            name: (found, chosen.get(name, [Way()])[number])
            for name, found in backends.items()
            if found.backend and not found.backend.in_memory
            if number < len(chosen.get(name, [Way()]))
        }
        made = _verified(
            pool, held, database, dataset, of_round, tuple(fetches),
            on_compared, on_verdict if rounds == 1 else _unsaid, timeout_s, transactions,
        )  # fmt: skip
        for verdict in made:
            way = of_round[verdict.backend][1]
            verdicts[verdict.backend] = _joined(verdicts.get(verdict.backend), verdict, way)
    if rounds > 1:
        for verdict in verdicts.values():
            on_verdict(verdict)
    return list(verdicts.values())


def _unsaid(verdict: VerificationResult) -> None:
    """Say nothing: the backend has further ways to verify."""


def _joined(
    before: VerificationResult | None, verdict: VerificationResult, way: Way
) -> VerificationResult:
    """Return the verdict on one more way of a backend together with those before it."""
    difference = verdict.difference
    if difference and way.connect:
        difference = f"with {way.connect}: {difference}"
    if before is None:
        return VerificationResult(verdict.backend, verdict.checks, difference)
    checks = before.checks + verdict.checks
    return VerificationResult(verdict.backend, checks, before.difference or difference)


def _verified(
    pool: WorkerPool,
    held: Lock,
    database: Database,
    dataset: Dataset,
    backends: Mapping[str, tuple[DiscoveredBackend, Way]],
    fetches: tuple[Fetch, ...],
    on_compared: Callable[[str], None],
    on_verdict: Callable[[VerificationResult], None],
    timeout_s: float,
    transactions: bool,
) -> list[VerificationResult]:
    """Return a verdict on each backend in one way of connecting."""
    modules, targets, ways = {}, {}, {}
    for name, (found, way) in backends.items():
        assert found.backend is not None
        modules[name] = found.module
        targets[name] = way.target(database.url_for(found.backend.driver))
        own = fetches if way.fetches is None else way.fetches
        ways[name] = sorted({Fetch(), *own}) if transactions else [Fetch()]
    right = [expected.ask(held.connection, operation) for operation in expected.operations(dataset)]
    pool.start(modules, alike=True)
    reading = {
        name: pool.submit(name, backend_checks.read, name, module, targets[name], right, ways[name])
        for name, module in modules.items()
    }
    verdicts = {}
    for name, pending in reading.items():
        try:
            checks, first = pool.result(pending, timeout_s)
            verdicts[name] = VerificationResult(name, checks, str(first) if first else None)
        except WorkError as error:  # any error of a library is its difference
            verdicts[name] = VerificationResult(name, 0, database.safe(str(error)))
        held.check()
        on_compared(name)
    # One backend after another, while none reads: only its own writes are in the tables.
    planned = writes(dataset)
    operations = [operation for operation, _ in planned]
    for name, module in modules.items():
        verdict = verdicts[name]
        if verdict.difference is None and transactions:
            writing = pool.submit(
                name, backend_checks.write, name, module, targets[name], operations
            )
            try:
                written = pool.result(writing, timeout_s)
                held.check()
                difference = _judge(held.connection, dataset, planned, written)
            except WorkError as error:
                difference = database.safe(str(error))
            finally:
                held.check()
                held.run(partial(restore, dataset=dataset))
            verdict = VerificationResult(name, verdict.checks + len(planned), difference)
            verdicts[name] = verdict
        on_verdict(verdict)
    return [verdicts[name] for name in modules]


def writes(dataset: Dataset) -> list[tuple[Operation, bool]]:
    """Return the writes in the order of trying, and whether each must be refused."""
    milk, kit_kat, *_ = dataset.unordered_items
    no_customer, no_item, no_order = dataset.customers + 1, dataset.items + 1, 2_000_000_000
    add, insert = "add_new_order_for_customer", "insert_order_items"
    return [
        (Operation(add, (1, ((milk, 2), (kit_kat, 1)))), False),
        (Operation(add, (no_customer, ((milk, 1),))), True),
        (Operation(add, (1, ((milk, 1), (no_item, 1)))), True),
        (Operation(add, (1, ((milk, 1), (milk, 2)))), True),
        (Operation(insert, (3, ((milk, 4), (kit_kat, 5)))), False),
        (Operation(insert, (no_order, ((milk, 1),))), True),
        (Operation(insert, (2, ((milk, 1), (no_item, 1)))), True),
        (Operation(insert, (3, ((milk, 1),))), True),
        (Operation(insert, (2, ((kit_kat, 3),))), False),
    ]


def _judge(
    connection: "psycopg.Connection[Any]",
    dataset: Dataset,
    planned: list[tuple[Operation, bool]],
    written: list[Written],
) -> str | None:
    """Return the first error in the written rows, in words; None if there is none."""
    orders, lines = set(), set()
    for (operation, to_refuse), outcome in zip(planned, written, strict=True):
        first, items = operation.arguments
        what = f"{operation.function}({first}, {items})"
        if to_refuse:
            if outcome.refused is None:
                return f"{what} returned {outcome.value!r} instead of raising an error"
            continue
        if outcome.refused is not None:
            return f"{what} raised {outcome.refused}"
        order_id = first
        if operation.function == "add_new_order_for_customer":
            order_id = outcome.value
            orders.add((order_id, first))
        lines |= {(order_id, item, quantity) for item, quantity in items}
    found_orders = connection.execute(
        f"SELECT id, customer_id FROM {SCHEMA}.orders WHERE id > %s", [dataset.orders]
    ).fetchall()
    found_lines = connection.execute(
        f"SELECT order_id, item_id, quantity FROM {SCHEMA}.order_items"
        " WHERE order_id > %s OR item_id > %s",
        [dataset.orders, dataset.ordered_items],
    ).fetchall()
    for kind, right, left in (("orders", orders, found_orders), ("lines", lines, found_lines)):
        if set(left) != right:
            return f"the writes left {kind} {sorted(left)} instead of {sorted(right, key=repr)}"
    return None
