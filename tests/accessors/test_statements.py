"""The reads as text, in Core and in the ORM have the same columns, joins, conditions and order."""

import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql.psycopg import dialect

from accessors import sql
from accessors.sql import SCHEMA, Reads
from accessors.statements import CORE, INSERT_LINES, INSERT_ORDER, ORM, ORM_STREAMED

READS = [field.name for field in fields(Reads)]
DIALECT = dialect()
ALIASED = re.compile(
    rf"(?:FROM|JOIN) {SCHEMA}\.(\w+) (?:AS )?(?!(?:ON|JOIN|LEFT|WHERE|ORDER)\b)(\w+)"
)

every_read = pytest.mark.parametrize("read", READS)
every_library = pytest.mark.parametrize("statements", [CORE, ORM], ids=["core", "orm"])


def compiled(statement: Any) -> str:
    return str(statement.compile(dialect=DIALECT))


@dataclass
class Asked:
    """The parts of a SELECT, with the names of its tables instead of their aliases."""

    columns: list[str]
    tables: str
    joins: list[tuple[str, str, frozenset[str]]]
    where: str
    order: str

    @classmethod
    def of(cls, text: str) -> "Asked":
        text = " ".join(text.split()).replace("LEFT OUTER JOIN", "LEFT JOIN")
        for table, alias in ALIASED.findall(text):
            text = re.sub(rf"({SCHEMA}\.{table}) (?:AS )?{alias}\b", r"\1", text)
            text = re.sub(rf"\b{alias}\.", f"{table}.", text)
        text = re.sub(r"\$\d|%\(\w+\)s(?:::[A-Z]+(?: [A-Z]+)* ZONE|::[A-Z]+)?", "?", text)
        text = text.replace(f"{SCHEMA}.", "")
        text = re.sub(r" AS \w+", "", text)
        parts = re.fullmatch(
            r"SELECT (?P<columns>.+?) FROM (?P<tables>.+?)"
            r"(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>.+))?",
            text,
        )
        assert parts, text
        first, *joins = re.split(r" (?=LEFT JOIN)|(?<!LEFT) (?=JOIN)", parts["tables"])
        return cls(
            sorted(parts["columns"].split(", ")),
            first,
            sorted(
                (found[1], found[2], frozenset(found[3].split(" = ")))
                for join in joins
                if (found := re.fullmatch(r"(JOIN|LEFT JOIN) (\w+) ON (.+)", join))
            ),
            parts["where"] or "",
            parts["order"] or "",
        )


@every_library
@every_read
def test_text_and_sqlalchemy_ask_for_the_same(statements: Any, read: str) -> None:
    """All move the same bytes: an additional column would count as time of the library."""
    text = Asked.of(getattr(sql.NUMBERED, read))
    written = Asked.of(compiled(getattr(statements, read).statement))
    assert written == text


@every_read
def test_a_streamed_orm_read_has_the_same_condition_and_order(read: str) -> None:
    """Separate statements read the lines of a streamed ORM read."""
    text = Asked.of(getattr(sql.NUMBERED, read))
    streamed = Asked.of(compiled(getattr(ORM_STREAMED, read).statement))
    assert streamed.where == text.where
    assert streamed.order == text.order.removesuffix(", order_items.item_id")
    assert set(streamed.columns) <= set(text.columns)


def test_the_parser_of_this_test_sees_what_there_is() -> None:
    asked = Asked.of(sql.NUMBERED.orders_of_customer)
    assert len(asked.columns) == 13
    assert asked.columns[0] == "customer.address_id"
    assert asked.joins == [
        ("JOIN", "customer", frozenset({"customer.id", "orders.customer_id"})),
        ("LEFT JOIN", "item", frozenset({"item.id", "order_items.item_id"})),
        ("LEFT JOIN", "order_items", frozenset({"order_items.order_id", "orders.id"})),
    ]
    assert (asked.where, asked.order) == (
        "orders.customer_id = ?",
        "orders.id, order_items.item_id",
    )
    assert Asked.of(sql.NUMBERED.orders_between_dates).where == "orders.order_time BETWEEN ? AND ?"


def test_every_statement_names_the_schema() -> None:
    """A user's own table `orders` is never read or written, with any search_path."""
    texts = [getattr(sql.NUMBERED, read) for read in READS] + [sql.INSERT_ORDER, sql.INSERT_LINE]
    for statements in (CORE, ORM, ORM_STREAMED):
        texts += [compiled(getattr(statements, read).statement) for read in READS]
    texts += [compiled(INSERT_ORDER), compiled(INSERT_LINES)]
    for text in texts:
        named = re.findall(r"\b(?:FROM|JOIN|INTO)\s+([\w.]+)", text)
        assert named
        assert all(name.startswith(f"{SCHEMA}.") for name in named)


@every_read
def test_percent_is_derived(read: str) -> None:
    numbered, percent = getattr(sql.NUMBERED, read), getattr(sql.PERCENT, read)
    places = re.findall(r"\$(\d)", numbered)
    # Otherwise `%s`, which has no number, could not replace them.
    assert places == [str(number + 1) for number in range(len(places))]
    assert "%" not in numbered
    assert percent.count("%s") == len(places)
    assert re.sub(r"\$\d", "%s", numbered) == percent
    assert "$" not in percent


@every_read
def test_parameters_are_named_in_the_order_of_the_text(read: str) -> None:
    places = len(re.findall(r"\$\d", getattr(sql.NUMBERED, read)))
    for statements in (CORE, ORM, ORM_STREAMED):
        found = getattr(statements, read)
        assert len(found.parameters) == places
        assert set(found.parameters) == set(found.statement.compile(dialect=DIALECT).params)
    assert CORE.orders_between_dates.bind(1, 2) == {"after": 1, "before": 2}


def test_a_wrong_number_of_arguments_is_an_error() -> None:
    with pytest.raises(TypeError, match="value_1"):
        CORE.orders_between_dates.bind(1)


INDEXES = {
    "orders_of_customer": ({"orders_customer_id", "order_items_pkey"}, [5]),
    "total_cost_of_an_order": ({"order_items_pkey"}, [1]),
    "orders_between_dates": (
        {"orders_order_time", "order_items_pkey"},
        [datetime(2024, 4, 5), datetime(2024, 4, 6)],
    ),
}


def indexes_in(plan: dict[str, Any]) -> set[str]:
    found = {plan["Index Name"]} if "Index Name" in plan else set()
    return found.union(*(indexes_in(part) for part in plan.get("Plans", [])))


@pytest.mark.parametrize("written", ["text", "core", "orm"])
@pytest.mark.parametrize("read", INDEXES)
def test_a_read_goes_by_its_index(observer: Any, written: str, read: str) -> None:
    """No read of a few rows may scan a whole table. PostgreSQL scans such a small table anyway,
    unless sequential scans are switched off."""
    intended, arguments = INDEXES[read]
    if written == "text":
        query, parameters = getattr(sql.PERCENT, read), arguments
    else:
        found = getattr({"core": CORE, "orm": ORM}[written], read)
        query, parameters = compiled(found.statement), found.bind(*arguments)
    connection = observer.connection
    with connection.transaction():
        connection.execute("SET LOCAL enable_seqscan = off")
        explained = connection.execute(f"EXPLAIN (FORMAT JSON) {query}", parameters).fetchone()
    assert intended <= indexes_in(explained[0][0]["Plan"])
