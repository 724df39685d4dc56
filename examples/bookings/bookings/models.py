"""The mapped classes of the application."""

from datetime import date

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(AsyncAttrs, DeclarativeBase):
    """The base of the mapped classes."""


class Room(Base):
    """A room of the hotel."""

    __tablename__ = "room"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    nights_sold: Mapped[int] = mapped_column(default=0)
    bookings: Mapped[list["Booking"]] = relationship(back_populates="room")


class Booking(Base):
    """A night for which a guest has a room."""

    __tablename__ = "booking"
    __table_args__ = (UniqueConstraint("room_id", "night"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"))
    guest: Mapped[str]
    night: Mapped[date]
    room: Mapped[Room] = relationship(back_populates="bookings")
