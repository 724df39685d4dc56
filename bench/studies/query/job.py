"""The job of a worker process that runs reads of the user's own."""

import copy
import random
from dataclasses import dataclass, field, replace
from itertools import accumulate, cycle
from typing import Any

import accessors
from accessors.api import AnyBackend
from bench.measure.runner import Job
from bench.model.declared import declare
from bench.model.sql_text import SqlText
from bench.model.workload import Operation
from bench.studies.query.arguments import Row, for_driver
from bench.studies.query.bound import bound
from bench.studies.query.forms import NO_ROWS, Forms
from bench.studies.query.workload_file import forms_in


def native_arguments(backend: AnyBackend, statement: SqlText, row: Row) -> Row:
    """Return the arguments as this backend takes them with its form of the statement."""
    values = for_driver(row, backend.driver)
    if backend.placeholders == "percent":
        return tuple(values[place] for place in statement.percent_order)
    return values


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
class QueryJob(Job):
    """A job for reads of the user's own instead of the built-in functions."""

    reads: tuple[JobRead, ...] = field(kw_only=True)
    others: tuple[JobRead, ...] = field(kw_only=True, default=())
    """The reads of all workloads of the run: cases of several workloads share their clients."""
    usual_rows: int = field(kw_only=True, default=0)

    def backend(self) -> AnyBackend:
        """Return the backend with the reads, and each without rows. Declares the workload here."""
        declare(
            self.case.workload, {read.name: read.weight for read in self.reads}, "", self.usual_rows
        )
        forms = {read.name: read.forms for read in (*self.others, *self.reads)}
        forms |= {f"{name}{NO_ROWS}": form.without_rows for name, form in forms.items()}
        # A copy: a backend holds one pool, and a process may have several of different sizes.
        return bound(copy.copy(accessors.load(self.case.backend, self.module)), forms)

    def of_few_rows(self, operation: Operation) -> Operation:
        """Return the same statement for no rows."""
        return replace(operation, function=f"{operation.function}{NO_ROWS}")

    def plans(self) -> list[tuple[Operation, ...]]:
        """Return the operations of each client. A client takes every n-th of all operations."""
        operations = self._operations()
        clients = self.case.concurrency
        return [tuple(operations[client % len(operations) :: clients]) for client in self.clients]

    def _operations(self) -> list[Operation]:
        plain: Any = accessors.load(self.case.backend, self.module)
        made = [
            [
                Operation(read.name, native_arguments(plain, read.statement, row))
                for row in read.draws
            ]
            for read in self.reads
        ]
        if len(made) == 1:
            return made[0]
        chance = random.Random(f"{self.dataset.seed}/{self.case.workload}")
        limits = list(accumulate(read.weight for read in self.reads))
        left = [cycle(operations) for operations in made]
        amount = max(map(len, made))
        amount = max(amount, 64 * self.case.concurrency)
        places = chance.choices(range(len(made)), cum_weights=limits, k=amount)
        return [next(left[place]) for place in places]
