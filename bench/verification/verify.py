"""Every backend gives the same answers, or nothing is timed.

`backend_checks` holds what a backend reads and writes for it; this module judges the answers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from accessors import Found
from accessors.api import Target
from accessors.sql import SCHEMA
from bench.dataset.loading import restore
from bench.dataset.lock import Lock
from bench.measure.worker_pool import WorkerPool
from bench.measure.worker_process import WorkError
from bench.model.case import Fetch
from bench.model.dataset import Dataset
from bench.model.timeout import TIMEOUT_S
from bench.model.workload import Operation
from bench.server.database import Database, redact
from bench.verification import backend_checks, expected
from bench.verification.backend_checks import Written

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
"""Every way of fetching, with the library's own batch size and with one that is given."""


@dataclass(frozen=True)
class VerificationResult:
    """What verification found of one backend."""

    backend: str
    checks: int
    """Answers compared, writes looked into."""
    difference: str | None = None
    """In words, with the first differing row; None where all agree."""


def verify(
    crew: WorkerPool,
    held: Lock,
    database: Database,
    dataset: Dataset,
    backends: Mapping[str, Found],
    fetches: Iterable[Fetch] = FETCHES,
    *,
    on_compared: Callable[[str], None] = lambda backend: None,
    on_verdict: Callable[[VerificationResult], None] = lambda verdict: None,
    timeout_s: float = TIMEOUT_S,
) -> list[VerificationResult]:
    """A verdict on each backend: all reads in these ways of fetching (and buffered), then writes.

    The rows are as before afterwards. Raises `BenchError` if another command may have used them.

    Backends that answer from memory know the sample alone, and are not asked.
    """
    asked, targets = {}, {}
    for name, found in backends.items():
        if found.backend and not found.backend.in_memory:
            asked[name] = found.module
            targets[name] = Target(database.url_for(found.backend.driver))
    ways = sorted({Fetch(), *fetches})
    right = [expected.ask(held.connection, operation) for operation in expected.operations(dataset)]
    crew.start(asked)
    reading = {
        name: crew.submit(name, backend_checks.read, name, module, targets[name], right, ways)
        for name, module in asked.items()
    }
    verdicts = {}
    for name, pending in reading.items():
        try:
            checks, unlike = crew.result(pending, timeout_s)
            verdicts[name] = VerificationResult(name, checks, str(unlike) if unlike else None)
        except WorkError as error:  # whatever a library raises is its verdict
            verdicts[name] = VerificationResult(name, 0, redact(str(error), database.url))
        held.check()
        on_compared(name)
    # One after another, when nobody reads: each looks at what it alone has written.
    planned = writes(dataset)
    operations = [operation for operation, _ in planned]
    for name, module in asked.items():
        verdict = verdicts[name]
        if verdict.difference is None:
            writing = crew.submit(
                name, backend_checks.write, name, module, targets[name], operations
            )
            try:
                written = crew.result(writing, timeout_s)
                held.check()
                difference = _judge(held.connection, dataset, planned, written)
            except WorkError as error:
                difference = redact(str(error), database.url)
            finally:
                held.check()
                held.run(partial(restore, dataset=dataset))
            verdict = VerificationResult(name, verdict.checks + len(planned), difference)
            verdicts[name] = verdict
        on_verdict(verdict)
    return [verdicts[name] for name in asked]


def writes(dataset: Dataset) -> list[tuple[Operation, bool]]:
    """Writes in the order in which they are tried, and whether each must be refused."""
    milk, kit_kat, *_ = dataset.unordered_items
    nobody, nothing, never = dataset.customers + 1, dataset.items + 1, 2_000_000_000
    add, insert = "add_new_order_for_customer", "insert_order_items"
    return [
        (Operation(add, (1, ((milk, 2), (kit_kat, 1)))), False),
        (Operation(add, (nobody, ((milk, 1),))), True),
        (Operation(add, (1, ((milk, 1), (nothing, 1)))), True),
        (Operation(add, (1, ((milk, 1), (milk, 2)))), True),
        (Operation(insert, (3, ((milk, 4), (kit_kat, 5)))), False),
        (Operation(insert, (never, ((milk, 1),))), True),
        (Operation(insert, (2, ((milk, 1), (nothing, 1)))), True),
        (Operation(insert, (3, ((milk, 1),))), True),
        (Operation(insert, (2, ((kit_kat, 3),))), False),
    ]


def _judge(
    connection: "psycopg.Connection[Any]",
    dataset: Dataset,
    planned: list[tuple[Operation, bool]],
    written: list[Written],
) -> str | None:
    """The first thing that is wrong with what was written, in words."""
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
