"""The mapped classes of the marketplace, as in the workshop; Core uses their tables."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, MetaData, Numeric, func
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from accessors.sql import SCHEMA


class Base(AsyncAttrs, DeclarativeBase):
    metadata = MetaData(schema=SCHEMA)


class Address(Base):
    __tablename__ = "address"

    id: Mapped[int] = mapped_column(primary_key=True)
    flat_number: Mapped[int]
    post_code: Mapped[int]

    def as_dict(self) -> dict[str, Any]:
        return {"flat_number": self.flat_number, "post_code": self.post_code}


class Customer(Base):
    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    address_id: Mapped[int] = mapped_column(ForeignKey(Address.id))
    # Joined: the address is loaded with the customer, so reading it needs no I/O and no await.
    address: Mapped[Address] = relationship(lazy="joined", innerjoin=True)

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "address": self.address.as_dict()}


class Item(Base):
    __tablename__ = "item"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric)
    description: Mapped[str | None]


class Orders(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey(Customer.id))
    order_time: Mapped[datetime] = mapped_column(server_default=func.localtimestamp())
    customer: Mapped[Customer] = relationship(lazy="joined", innerjoin=True)
    order_items: Mapped[list["OrderItems"]] = relationship(order_by="OrderItems.item_id")

    def as_dict(self) -> dict[str, Any]:
        return {
            "order_id": self.id,
            "customer_name": self.customer.name,
            "order_time": self.order_time,
            "items": [line.as_dict() for line in self.order_items],
        }


class OrderItems(Base):
    __tablename__ = "order_items"

    order_id: Mapped[int] = mapped_column(ForeignKey(Orders.id), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey(Item.id), primary_key=True)
    quantity: Mapped[int]
    item: Mapped[Item] = relationship()

    def as_dict(self) -> dict[str, Any]:
        price = self.item.price
        return {
            "name": self.item.name,
            "price": price,
            "quantity": self.quantity,
            "total": price * self.quantity,
        }
