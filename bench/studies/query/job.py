"""The job of a worker process that runs a user's statement."""

from dataclasses import dataclass, field, replace
from typing import Any

import accessors
from accessors.api import AnyBackend
from bench.measure.runner import Job
from bench.model.sql_text import SqlText
from bench.model.workload import Operation
from bench.studies.query.arguments import Row, for_driver
from bench.studies.query.bound import bound

NO_ROWS = ".none"
"""Ends the name of the read that runs the same statement for no rows."""


def reads_of(name: str, statement: SqlText) -> dict[str, SqlText]:
    """Return the statement by its name, and the one without rows."""
    return {
        name: statement,
        f"{name}{NO_ROWS}": statement.wrapped("SELECT * FROM", "AS none LIMIT 0"),
    }


def native_arguments(backend: AnyBackend, statement: SqlText, row: Row) -> Row:
    """Return the arguments as this backend takes them with its form of the statement."""
    values = for_driver(row, backend.driver)
    if backend.placeholders == "percent":
        return tuple(values[place] for place in statement.percent_order)
    return values


@dataclass(frozen=True)
class QueryJob(Job):
    """A job for a statement instead of one of the built-in functions."""

    statement: SqlText = field(kw_only=True)
    draws: tuple[Row, ...] = field(kw_only=True)
    """The arguments of every operation, in order, for all clients together."""

    def backend(self) -> AnyBackend:
        """Return the backend with the statement as a read named like the workload."""
        plain = accessors.load(self.case.backend, self.module)
        return bound(plain, reads_of(self.case.workload, self.statement))

    def of_few_rows(self, operation: Operation) -> Operation:
        """Return the same statement for no rows."""
        return replace(operation, function=f"{operation.function}{NO_ROWS}")

    def plans(self) -> list[tuple[Operation, ...]]:
        """Return the operations of each client. A client takes every n-th of the draws."""
        plain: Any = accessors.load(self.case.backend, self.module)
        operations = [
            Operation(self.case.workload, native_arguments(plain, self.statement, row))
            for row in self.draws
        ]
        clients = self.case.concurrency
        return [tuple(operations[client % len(operations) :: clients]) for client in range(clients)]
