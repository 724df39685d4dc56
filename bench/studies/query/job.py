"""The job of a worker process that runs reads and units of work of the user's own."""

import copy
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, cycle
from typing import Any

import accessors
from accessors.api import AnyBackend, Target
from bench.measure.proof_reads import HELD_ROWS, ProofReads, failing_row
from bench.measure.runner import Job
from bench.model.declared import Changes, declare
from bench.model.sql_text import SqlText
from bench.model.workload import Operation
from bench.studies.query.arguments import Row, for_driver
from bench.studies.query.bound import bound
from bench.studies.query.forms import NO_ROWS, Forms
from bench.studies.query.script_workload import function_of, native_steps
from bench.studies.query.workload_file import forms_in, workload_of
from bench.workloads import Workload
from bench.workloads.places import function_for


def native_arguments(backend: AnyBackend, statement: SqlText, row: Row) -> Row:
    """Return the arguments as this backend takes them with its form of the statement."""
    values = for_driver(row, backend.driver)
    if backend.placeholders in ("percent", "percent_outside"):
        return tuple(values[place] for place in statement.percent_order)
    return values


FEW_ROWS = 100
"""The least rows of the read that warms up an ORM for a large case."""


def _first(rows: int | None) -> str:
    """Return the end of the name of the read that is limited to so many rows."""
    return f".first{rows}" if rows else ""


@dataclass(frozen=True)
class JobRead:
    """A read of a job; small, and picklable."""

    name: str
    statement: SqlText
    draws: tuple[Row, ...]
    """The arguments of every operation, in order, for all clients together."""
    weight: int = 1
    file: str = ""
    """The workload file that declares it, for the statements of SQLAlchemy; empty if none does."""

    @property
    def forms(self) -> Forms:
        """The forms of the read; imports the workload file."""
        return forms_in(self.file)[self.name] if self.file else Forms(self.statement)


@dataclass(frozen=True)
class JobUnit:
    """A unit of work of a job; small, and picklable."""

    name: str
    draws: tuple[Row, ...]
    """The arguments of every operation, in order, for all clients together."""
    weight: int = 1
    steps: tuple[tuple[SqlText | None, bool], ...] = ()
    """The statements of a script, with whether they give rows; empty for a user's function."""

    def native(self, backend: AnyBackend, row: Row) -> tuple[Any, ...]:
        """Return the arguments of an operation as the backend's function takes them."""
        return native_steps(backend, self.steps, row) if self.steps else tuple(row)


@dataclass(frozen=True)
class QueryJob(Job):
    """A job for reads and units of work of the user's own instead of the built-in functions."""

    reads: tuple[JobRead, ...] = field(kw_only=True)
    units: tuple[JobUnit, ...] = field(kw_only=True, default=())
    file: str = field(kw_only=True, default="")
    """The workload file; empty for a statement of `bench query`."""
    begins: bool = field(kw_only=True, default=False)
    """Whether the library begins transactions, for units of work that end them."""
    changes: Changes = field(kw_only=True, default="nothing")
    usual_rows: int = field(kw_only=True, default=0)
    sizes: tuple[int, ...] = field(kw_only=True, default=())
    """The numbers of rows that cases of the run ask for, of a workload with one read."""

    @property
    def keeps_sessions(self) -> bool:
        """Whether sessions stay open between two turns: not if a unit could leave a lock behind."""
        return super().keeps_sessions and not self.units

    @property
    def think_s(self) -> float:
        """Seconds that a client waits after each operation, off the clock."""
        return self._declared.think_s if self._declared else 0.0

    @property
    def target(self) -> Target:
        """The target that the backend's pool is opened on, with the application's own engine."""
        target = super().target
        if self.begins and "implicit" in self._plain.transactions:
            target = replace(target, transactions="implicit")
        engine: Any = self._declared.engine if self._declared else ()
        if isinstance(engine, Mapping):
            return replace(target, engine={**engine, **target.engine})
        functions = engine if isinstance(engine, Sequence) else (engine,)
        if not functions:
            return target
        asynchronous = self._plain.mode == "async"
        return replace(target, make_engine=functions[-1 if asynchronous else 0])

    def backend(self) -> AnyBackend:
        """Return the backend with the operations, and each read without rows.

        Declares the workload in this process.
        """
        weights = {part.name: part.weight for part in self._parts}
        declare(
            self.case.workload,
            weights,
            "",
            self.usual_rows,
            units=bool(self.units),
            changes=self.changes,
        )
        forms = {read.name: read.forms for read in self.reads}
        limited = {
            f"{name}{_first(size)}": form.first(size)
            for name, form in forms.items()
            for size in self.sizes
        }
        forms |= limited | {f"{name}{NO_ROWS}": form.without_rows for name, form in forms.items()}
        functions = {unit.name: function_of(self._plain) for unit in self.units if unit.steps}
        for declared in self._declared.units if self._declared else ():
            functions[declared.name] = function_for(declared, self._plain)
        # A copy: a backend holds one pool, and a process may have several of different sizes.
        return bound(copy.copy(self._plain), forms, functions)

    @property
    def _parts(self) -> tuple[JobRead | JobUnit, ...]:
        return (*self.reads, *self.units)

    @property
    def _plain(self) -> Any:
        return accessors.load(self.case.backend, self.module)

    @property
    def _declared(self) -> Workload | None:
        return workload_of(self.file, self.case.workload) if self.file else None

    def of_few_rows(self, operation: Operation) -> Operation:
        """Return the same statement for no rows; a unit of work as it is."""
        if any(unit.name == operation.function for unit in self.units):
            return operation
        return replace(operation, function=f"{self._read_of(operation)}{NO_ROWS}")

    def warm_up(self) -> tuple[Operation, ...]:
        """Return an operation of few rows for the ORM's large cases: others would take long."""
        few = min((size for size in self.sizes if size >= FEW_ROWS), default=None)
        if few and self.case.large and self._plain.layer == "orm":
            (first,) = self._operations()[:1]
            return (replace(first, function=f"{self._read_of(first)}{_first(few)}"),)
        return ()

    def proof_reads(self, backend: AnyBackend) -> ProofReads:
        """Return the reads that prove whether a read of the user's own is streamed."""
        rows = self.case.size or self.usual_rows
        (read,) = self.reads
        (everything,) = self._operations()[:1]
        some = min((size for size in self.sizes if size >= HELD_ROWS), default=rows)
        return ProofReads(
            everything,
            replace(everything, function=f"{read.name}{_first(some)}"),
            self.of_few_rows(everything),
            failing_row(rows),
            read.forms.failing.native(backend),
        )

    def _read_of(self, operation: Operation) -> str:
        """Return the name of the operation's read, without the number of its rows."""
        return next(
            read.name
            for read in self.reads
            if operation.function in (read.name, f"{read.name}{_first(self.case.size)}")
        )

    def plans(self) -> list[tuple[Operation, ...]]:
        """Return the operations of each client. A client takes every n-th of all operations."""
        operations = self._operations()
        clients = self.case.concurrency
        return [tuple(operations[client % len(operations) :: clients]) for client in self.clients]

    def _operations(self) -> list[Operation]:
        plain = self._plain
        made = [
            [
                Operation(
                    f"{read.name}{_first(self.case.size)}",
                    native_arguments(plain, read.statement, row),
                )
                for row in read.draws
            ]
            for read in self.reads
        ]
        made += [
            [Operation(unit.name, unit.native(plain, row)) for row in unit.draws]
            for unit in self.units
        ]
        if len(made) == 1:
            return made[0]
        chance = random.Random(f"{self.dataset.seed}/{self.case.workload}")
        limits = list(accumulate(part.weight for part in self._parts))
        left = [cycle(operations) for operations in made]
        amount = max(map(len, made))
        amount = max(amount, 64 * self.case.concurrency)
        places = chance.choices(range(len(made)), cum_weights=limits, k=amount)
        return [next(left[place]) for place in places]
