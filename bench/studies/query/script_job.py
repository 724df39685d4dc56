"""A script of pgbench as a worker process gets it: described by the server, with its values."""

import random
from contextlib import closing
from typing import Any

from bench.model.errors import BenchError
from bench.model.workload import READ_ARGUMENTS
from bench.server.database import Database
from bench.studies.query.arguments import LEAST_PER_CLIENT
from bench.studies.query.description import Type, describe
from bench.studies.query.job import JobUnit
from bench.studies.query.script import Statement
from bench.studies.query.script_functions import DEFAULT_SEED
from bench.studies.query.script_workload import ScriptUnit

_TEXTS = {"text", "character varying", "character", "name"}
_FLOATS = {"real", "double precision"}


def script_job(
    unit: ScriptUnit, database: Database, seed: int, clients: int, weight: int = 1
) -> JobUnit:
    """Return the script's unit with the values of every operation, the same for the same seed.

    The server describes each statement. Raises `UsageError` for one that it refuses.
    """
    script = unit.script
    steps = []
    types: list[tuple[Type, ...]] = []
    with closing(database.connect(as_backend=True)) as connection:
        for command in script.commands:
            if isinstance(command, Statement):
                try:
                    described = describe(connection, database, command.text)
                except BenchError as error:
                    what, _, advice = str(error).partition("\n")
                    raise type(error)(
                        f"{script.path}, line {command.line}: {what}\n{advice}"
                    ) from None
                steps.append((command.text, bool(described.columns)))
                types.append(described.parameters)
        scale = _scale(connection)
    chance = random.Random(f"{seed}/{unit.name}")
    variables = {
        "scale": scale,
        "random_seed": seed,
        DEFAULT_SEED: chance.randint(-(2**63), 2**63 - 1),
    }
    count = max(READ_ARGUMENTS, LEAST_PER_CLIENT * clients)
    in_order = iter(zip(steps, types, strict=True))
    placed = [next(in_order) if text is not None else ((None, False), ()) for text in script.steps]
    draws = []
    for _ in range(count):
        row = script.draw(chance, variables)
        draws.append(
            tuple(
                values if text is None or values is None else tuple(map(_fitted, values, kinds))
                for values, ((text, _), kinds) in zip(row, placed, strict=True)
            )
        )
    return JobUnit(unit.name, tuple(draws), weight, tuple(step for step, _ in placed))


def _fitted(value: Any, kind: Type) -> Any:
    """Return a number as a value of the parameter's type: asyncpg converts none by itself."""
    if value is None:
        return None
    if kind.name in _TEXTS:
        # As pgbench writes a boolean and a double.
        if isinstance(value, bool):
            return "true" if value else "false"
        return f"{value:.15g}" if isinstance(value, float) else str(value)
    return float(value) if kind.name in _FLOATS else value


def _scale(connection: Any) -> int:
    """Return pgbench's scale: the number of branches, or 1 without its tables."""
    row = connection.execute("SELECT pg_catalog.to_regclass('pgbench_branches')").fetchone()
    if row is None or row[0] is None:
        return 1
    (scale,) = connection.execute("SELECT count(*) FROM pgbench_branches").fetchone()
    return int(scale)
