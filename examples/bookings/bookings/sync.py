"""The units of work of the application, on a sync session."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bookings.models import Booking, Room


def book(session: Session, room_id: int, guest: str, night: date) -> bool:
    """Book a night if the room is free; return whether it was."""
    with session.begin():
        room = session.get_one(Room, room_id, with_for_update=True)
        taken = session.scalar(
            select(func.count())
            .select_from(Booking)
            .where(Booking.room_id == room_id, Booking.night == night)
        )
        if taken:
            return False
        session.add(Booking(room=room, guest=guest, night=night))
        room.nights_sold += 1
        return True


def nights_of(session: Session, room_id: int) -> list[date]:
    """Return the nights for which the room is booked."""
    with session.begin():
        nights = select(Booking.night).where(Booking.room_id == room_id).order_by(Booking.night)
        return list(session.scalars(nights))
