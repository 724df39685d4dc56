"""The running task or thread is found, also by the short ways."""

import asyncio
from threading import Event, Thread, current_thread

from greenlet import greenlet
from session_guard import GuardedSession, actors


def test_a_loop_that_moves_to_another_thread() -> None:
    """Forbids that a thread in which a loop ran before takes the loop's task for its own, once the
    loop runs in another thread."""
    loop = asyncio.new_event_loop()
    seen: list[tuple[actors.Actor, actors.Actor]] = []

    async def ask() -> None:
        task = asyncio.current_task()
        assert task is not None
        seen.append((actors.current(), task))

    entered, asked = Event(), Event()

    async def ask_and_stay() -> None:
        await ask()
        entered.set()
        asked.wait()  # the task runs on, while the first thread asks

    try:
        loop.run_until_complete(ask())
        thread = Thread(target=lambda: loop.run_until_complete(ask_and_stay()))
        thread.start()
        entered.wait()
        here = actors.current()
        asked.set()
        thread.join()
        assert here is current_thread()
        assert len(seen) == 2
        assert all(found is task for found, task in seen)
    finally:
        loop.close()


def test_a_loop_that_moves_unseen() -> None:
    """Forbids that a thread takes the task of its former loop for its own, if the guard has seen
    no task of that loop since it moved: a session of the loop, in strict mode, then passes for the
    other thread's."""
    loop = asyncio.new_event_loop()

    async def make() -> GuardedSession:
        assert actors.current() is asyncio.current_task()
        return GuardedSession(strict=True)

    entered, asked = Event(), Event()

    async def stay() -> None:
        entered.set()
        asked.wait()

    try:
        session = loop.run_until_complete(make())
        thread = Thread(target=lambda: loop.run_until_complete(stay()))
        thread.start()
        entered.wait()
        here = actors.current()
        session.flush()
        owner = session.ownership.user
        asked.set()
        thread.join()
        assert here is current_thread()
        assert owner is current_thread()
        session.close()
    finally:
        loop.close()


def test_a_session_made_at_the_bottom_of_a_stack() -> None:
    """Forbids that making a session fails where fewer frames lie above it than are looked at."""
    session = greenlet(GuardedSession).switch()
    assert isinstance(session, GuardedSession)
    session.close()
