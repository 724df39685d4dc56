"""The scratch tables of the lessons, in the schema `gatherbench`. Each trial resets their rows."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.schema import CreateTable

from accessors.sql import SCHEMA
from bench.dataset import schema

if TYPE_CHECKING:
    import psycopg


class Base(AsyncAttrs, DeclarativeBase):
    metadata = MetaData(schema=SCHEMA)


class Address(Base):
    __tablename__ = "lesson_address"

    id: Mapped[int] = mapped_column(primary_key=True)
    post_code: Mapped[int]


class Customer(Base):
    __tablename__ = "lesson_customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    balance: Mapped[int]
    address_id: Mapped[int] = mapped_column(ForeignKey(Address.id))
    address: Mapped[Address] = relationship(lazy="joined", innerjoin=True)


class Order(Base):
    __tablename__ = "lesson_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    lines: Mapped[list["Line"]] = relationship()


class Line(Base):
    __tablename__ = "lesson_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id))
    item: Mapped[str]


CUSTOMERS = 3
BALANCE = 100

_FILL = f"""
    INSERT INTO {SCHEMA}.lesson_address (id, post_code)
        SELECT n, 1000 + n FROM generate_series(1, {CUSTOMERS}) AS n;
    INSERT INTO {SCHEMA}.lesson_customer (id, name, balance, address_id)
        SELECT n, 'customer ' || n, {BALANCE}, n FROM generate_series(1, {CUSTOMERS}) AS n;
"""

# Undoes the changes of a trial. For few rows this is faster than TRUNCATE, which makes new files.
_RESET = f"""
    DELETE FROM {SCHEMA}.lesson_line;
    DELETE FROM {SCHEMA}.lesson_order;
    UPDATE {SCHEMA}.lesson_customer SET name = 'customer ' || id, balance = {BALANCE}
        WHERE (name, balance) IS DISTINCT FROM ('customer ' || id, {BALANCE});
"""


def make(connection: "psycopg.Connection[Any]") -> None:
    """Drop and create the scratch tables. `bench db reset` drops them with the whole schema."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    with schema.alone(connection):
        schema.create(connection)
        schema.drop_scratch(connection)
        for table in Base.metadata.sorted_tables:
            connection.execute(str(CreateTable(table).compile(dialect=dialect)).encode())
        connection.execute(_FILL)


def reset(connection: "psycopg.Connection[Any]") -> None:
    """Restore the rows that every trial begins with."""
    connection.execute(_RESET)
