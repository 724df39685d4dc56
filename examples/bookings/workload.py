"""The operations of a day in the hotel: `bench run --workload-file workload.py`."""

from datetime import date, timedelta
from random import Random

from bookings import aio, sync
from bookings.models import Base, Booking, Room
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from bench.workloads import Read, Workload

ROOMS = 500
FIRST_NIGHT = date(2030, 1, 1)


def make_tables(session: Session) -> None:
    """Make the rooms, and a booking for every second room, in the new database."""
    Base.metadata.create_all(session.connection())
    session.add_all(Room(name=f"room {number}") for number in range(1, ROOMS + 1))
    session.flush()
    session.add_all(
        Booking(room_id=number, guest="Ada", night=FIRST_NIGHT) for number in range(1, ROOMS + 1, 2)
    )


RESTORE = f"""
    DELETE FROM booking WHERE id > {ROOMS // 2};
    UPDATE room SET nights_sold = 0 WHERE nights_sold > 0;
"""


def a_room(random: Random) -> tuple[int]:
    """Draw the number of a room."""
    return (random.randint(1, ROOMS),)


def a_booking(random: Random) -> tuple[int, str, date]:
    """Draw the arguments of `book`."""
    night = FIRST_NIGHT + timedelta(days=random.randrange(365))
    return (random.randint(1, ROOMS), random.choice(["Grace", "Alan", "Edsger"]), night)


room = Read(
    "room",
    sql="SELECT id, name, nights_sold FROM room WHERE id = :id",
    orm=select(Room).where(Room.id == bindparam("id")),
    arguments=f"1..{ROOMS}",
)

reads = Workload("reads", {room: 1}, "one room by its number", setup=make_tables)

day = Workload(
    "day",
    {room: 6, sync.nights_of: 3, aio.nights_of: 3, sync.book: 1, aio.book: 1},
    "a day of the hotel: 6 rooms, 3 lists of nights, 1 booking",
    setup=make_tables,
    restore=RESTORE,
    arguments={
        sync.nights_of: a_room,
        sync.book: a_booking,
    },
    engine={"pool_pre_ping": True},
)
