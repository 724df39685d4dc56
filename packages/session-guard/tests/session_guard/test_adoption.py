"""A session becomes guarded in a single step, whatever runs in between."""

import gc
import sys
from threading import Thread
from types import FrameType
from typing import Any

import pytest
from session_guard import GuardedSession, install
from session_guard.install import guard_everything, unguard_everything
from sqlalchemy.orm import Session


class Mine(Session):
    pass


class Looking:
    """At each line of the adoption: collects garbage, and another thread uses guarded sessions.

    At the line of number `adopts_at` that thread adopts the session as well.
    """

    def __init__(self, session: Session, adopts_at: int) -> None:
        self.session, self.adopts_at = session, adopts_at
        self.lines, self.errors = 0, list[BaseException]()

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != install.__file__:
            return self.trace if "session_guard" in frame.f_code.co_filename else None
        if event == "line" and frame.f_code.co_name == "_adopted":
            self.lines += 1
            gc.collect()
            thread = Thread(target=self.look)
            thread.start()
            thread.join()
        return self.trace

    def look(self) -> None:
        try:
            if isinstance(self.session, GuardedSession):
                self.session.flush()  # finds all attributes that the guard needs
            if self.lines == self.adopts_at:
                install._adopted(self.session)
        except BaseException as error:
            self.errors.append(error)


@pytest.mark.parametrize("adopts_at", range(7))
@pytest.mark.parametrize("session_class", [Session, Mine])
def test_adoption_is_one_step(session_class: type[Session], adopts_at: int) -> None:
    """Forbids that a garbage collection or another thread between two lines of the adoption finds a
    session of a guarded class without its guard, or makes a session guarded twice."""
    guard_everything()
    try:
        session = session_class()
        looking = Looking(session, adopts_at)
        sys.settrace(looking.trace)
        try:
            session.begin()
        finally:
            sys.settrace(None)
        assert looking.errors == []
        assert looking.lines >= (5 if adopts_at == 0 else 2)
        assert isinstance(session, GuardedSession)
        assert [base.__name__ for base in type(session).__mro__].count("GuardedSession") == 1
        session.close()
    finally:
        unguard_everything()
