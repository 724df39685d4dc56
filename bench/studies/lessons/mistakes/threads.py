"""Mistakes with threads: the rule is the same between threads."""

from asyncio import gather, run, to_thread
from threading import Barrier
from typing import Any

from bench.studies.lessons.fixture import NAP, Fixture
from bench.studies.lessons.mistake import Mistake, ReadMistake, Rows, TaskResults
from bench.studies.lessons.tables import Order

_NAMES = ("A", "B", "C", "D", "E")


class ThreadsOnASession(Mistake):
    name = "threads-session"
    title = "five threads add and commit on one Session"
    guess = "five orders are saved"
    reason = (
        "A Session has no lock, so threads meet while its state changes. The exceptions, and the "
        "number of rows, differ from trial to trial."
    )
    cure = "Open a Session in each thread (`with shop.sync_sessions.begin()`)."
    tasks = 5
    warm = False

    async def wrong(self, shop: Fixture) -> TaskResults:
        together = Barrier(5)
        with shop.sync_sessions() as session:
            session.connection()

            def buy(name: str) -> str:
                together.wait(1)
                session.add(Order(name=name))
                session.commit()
                return name

            return await gather(*(to_thread(buy, n) for n in _NAMES), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        together, sessions = Barrier(5), shop.sync_sessions

        def buy(name: str) -> str:
            together.wait(1)
            with sessions() as session:
                session.add(Order(name=name))
                session.commit()
                return name

        return await gather(*(to_thread(buy, n) for n in _NAMES), return_exceptions=True)


class ThreadsOnAConnection(ReadMistake):
    name = "threads-psycopg2"
    title = "ten threads read on one psycopg2 connection"
    guess = (
        "ten reads run at the same time: psycopg2 is thread-safe (level 2), and threads may "
        "share connections"
    )
    reason = (
        "Threads may share the connection, but it runs one statement at a time. Level 2 of the "
        "DB-API promises safety, not speed. The threads also share the transaction."
    )
    cure = "Use a pool, and a connection for each thread."
    guardable = False
    warm = False

    async def wrong(self, shop: Fixture) -> TaskResults:
        connection = shop.connect_psycopg2()

        def read() -> Any:
            with connection.cursor() as cursor:
                cursor.execute(str(NAP))
                return cursor.fetchone()

        told = await gather(*(to_thread(read) for _ in range(10)), return_exceptions=True)
        connection.close()
        return told

    async def right(self, shop: Fixture) -> TaskResults:
        def read() -> Any:
            connection = shop.connect_psycopg2()
            with connection.cursor() as cursor:
                cursor.execute(str(NAP))
                found = cursor.fetchone()
            connection.close()
            return found

        return await gather(*(to_thread(read) for _ in range(10)), return_exceptions=True)


class ThreadsOnACursor(Mistake):
    name = "threads-cursor"
    title = "five threads share one psycopg2 cursor, and each asks for its own number"
    guess = "each thread gets the number that it asked for"
    reason = "A cursor holds only the last result, and any thread may have asked for it."
    cure = "Use a connection for each thread."
    guardable = False
    tasks = 5
    warm = False

    async def wrong(self, shop: Fixture) -> TaskResults:
        connection = shop.connect_psycopg2()
        cursor, together = connection.cursor(), Barrier(5)

        def ask(number: int) -> tuple[int, Any]:
            together.wait(1)
            cursor.execute("SELECT %s", [number])
            return number, cursor.fetchone()

        told = await gather(*(to_thread(ask, n) for n in range(5)), return_exceptions=True)
        connection.close()
        return told

    async def right(self, shop: Fixture) -> TaskResults:
        together = Barrier(5)

        def ask(number: int) -> tuple[int, Any]:
            together.wait(1)
            connection = shop.connect_psycopg2()
            with connection.cursor() as cursor:
                cursor.execute("SELECT %s", [number])
                found = number, cursor.fetchone()
            connection.close()
            return found

        return await gather(*(to_thread(ask, n) for n in range(5)), return_exceptions=True)

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return all(row == (number,) for number, row in answers)

    def says(self, answers: TaskResults, truth: Rows) -> str:
        right = sum(row == (number,) for number, row in answers)
        return f"{right} of {len(answers)} answers are to the question"


class TwoThreadsTwoLoops(Mistake):
    name = "two-threads-two-loops"
    title = "two threads, each with an event loop, use one async engine"
    guess = "two answers: the engine and its pool are thread-safe"
    reason = (
        "An async engine and its pool are not thread-safe. A task that waits for a connection "
        "waits in its own event loop. The other thread marks this wait as done, but a call from "
        "another thread does not wake the loop. So the loop keeps waiting."
    )
    cure = "Make an engine for each event loop, or use only one loop."
    alone = True
    warm = False
    options = {"pool_size": 1, "max_overflow": 0}

    async def wrong(self, shop: Fixture) -> TaskResults:
        together, sessions = Barrier(2), shop.sessions

        async def ask() -> Any:
            async with sessions() as session:
                return await session.scalar(NAP)

        def in_a_loop() -> Any:
            together.wait(1)
            return run(ask())

        return await gather(to_thread(in_a_loop), to_thread(in_a_loop), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        together = Barrier(2)

        async def ask() -> Any:
            engine = shop.make_engine()
            try:
                async with engine.connect() as connection:
                    return await connection.scalar(NAP)
            finally:
                await engine.dispose()

        def in_a_loop() -> Any:
            together.wait(1)
            return run(ask())

        return await gather(to_thread(in_a_loop), to_thread(in_a_loop), return_exceptions=True)

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return all(isinstance(began, float) for began in answers)

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"{len(answers)} of 2 answered"


MISTAKES = (ThreadsOnASession(), ThreadsOnAConnection(), ThreadsOnACursor(), TwoThreadsTwoLoops())
