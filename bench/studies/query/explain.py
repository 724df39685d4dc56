"""The server's own account of the statement: its times and its plan, from EXPLAIN ANALYZE."""

import json
import re
from collections.abc import Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.model.sql_text import SqlText
from bench.results.statement import ServerTimes
from bench.server.database import Database
from bench.studies.query.answers import execute
from bench.studies.query.arguments import Row
from bench.studies.query.description import Description

if TYPE_CHECKING:
    import psycopg

EXECUTIONS = 15
"""The most executions for the times."""
_ENOUGH_NS = 2_000_000_000
_SERIALIZE_SINCE = 170_000

# The texts of a plan that never hold a constant.
_NAMES = {
    *("Node Type", "Relation Name", "Schema", "Alias", "Index Name", "Join Type", "Strategy"),
    *("Parent Relationship", "Scan Direction", "Sort Method", "Sort Space Type", "Partial Mode"),
    *("CTE Name", "Subplan Name", "Operation", "Command", "Function Name", "Table Function Name"),
    *("Cache Mode", "Storage"),
}
_CONSTANT = re.compile(r"'(?:[^']|'')*'|(?<![\w$.])\d+(?:\.\d+)?(?![\w.])")


def explain(
    connection: "psycopg.Connection[Any]",
    database: Database,
    statement: SqlText,
    description: Description,
    rows: Sequence[Row],
    *,
    keep_constants: bool,
) -> tuple[ServerTimes, dict[str, Any]]:
    """Return the server's times over some of these arguments, and the plan for the first.

    The plan is executed once more with the times of its nodes, whose clock slows it; so the times
    of the statement come from executions without them. Nothing that it does is kept. Without
    `keep_constants` the plan of a statement with parameters has `?` for every constant.
    """
    with_rows = ", SERIALIZE" if connection.info.server_version >= _SERIALIZE_SINCE else ""
    options = f"ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON{with_rows}"
    seen: list[dict[str, Any]] = []
    for row in rows[:EXECUTIONS]:
        seen.append(_explained(connection, database, statement, description, row, options))
        if sum(_ns(found["Execution Time"]) for found in seen) > _ENOUGH_NS:
            break
    options = f"ANALYZE, BUFFERS, FORMAT JSON{with_rows}"
    whole = _explained(connection, database, statement, description, rows[0], options)
    plan: dict[str, Any] = whole["Plan"]
    if statement.parameters and not keep_constants:
        plan = _masked(plan)
    serialization_ms = whole.get("Serialization", {}).get("Time")
    times = ServerTimes(
        executions=len(seen),
        planning_ns=round(median(_ns(found["Planning Time"]) for found in seen)),
        execution_ns=round(median(_ns(found["Execution Time"]) for found in seen)),
        serialization_ns=None if serialization_ms is None else _ns(serialization_ms),
        shared_hit_blocks=plan.get("Shared Hit Blocks", 0),
        shared_read_blocks=plan.get("Shared Read Blocks", 0),
    )
    return times, plan


def _explained(
    connection: "psycopg.Connection[Any]",
    database: Database,
    statement: SqlText,
    description: Description,
    row: Row,
    options: str,
) -> dict[str, Any]:
    asked = SqlText((f"EXPLAIN ({options}) ", *statement.pieces), statement.parameters)
    connection.execute("BEGIN")
    try:
        (found,) = execute(connection, database, asked, description, row)[0]
    finally:
        connection.execute("ROLLBACK")
    decoded = json.loads(found) if isinstance(found, str) else found
    result: dict[str, Any] = decoded[0]
    return result


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1e6)


def _masked(plan: dict[str, Any]) -> dict[str, Any]:
    def masked(name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [masked(name, item) for item in value]
        if isinstance(value, dict):
            return _masked(value)
        if isinstance(value, str) and name not in _NAMES:
            return _CONSTANT.sub("?", value)
        return value

    return {name: masked(name, value) for name, value in plan.items()}


def lines(plan: dict[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield the plan as lines of text, as psql shows it: a node, then what is below it."""
    node = plan.get("Node Type", "?")
    if index := plan.get("Index Name"):
        node += f" using {index}"
    if name := plan.get("Relation Name") or plan.get("Function Name") or plan.get("CTE Name"):
        alias = plan.get("Alias", name)
        node += f" on {name}" + (f" {alias}" if alias != name else "")
    actual = f"rows {plan.get('Actual Rows', 0):g}, planned {plan.get('Plan Rows', 0):g}"
    if "Actual Total Time" in plan:
        actual = f"{plan['Actual Total Time']:g} ms, {actual}"
    if (loops := plan.get("Actual Loops", 1)) != 1:
        actual += f", {loops:g} times"
    indent = "   " * depth
    yield f"{indent}{'-> ' if depth else ''}{node}  ({actual})"
    for name in ("Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter"):
        if name in plan:
            yield f"{indent}     {name}: {plan[name]}"
    if removed := plan.get("Rows Removed by Filter"):
        yield f"{indent}     Rows Removed by Filter: {removed:g}"
    for name in ("Sort Key", "Group Key"):
        if name in plan:
            yield f"{indent}     {name}: {', '.join(plan[name])}"
    for below in plan.get("Plans", []):
        yield from lines(below, depth + 1)
