"""Mistakes with one transaction that two tasks share: one task ends what the other began."""

from asyncio import gather
from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, TaskResults
from bench.studies.lessons.tables import BALANCE, Customer, Order


class AddWhileCommitting(Mistake):
    name = "add-while-committing"
    title = "A rolls back its order; B has committed in between"
    guess = "A's order is not saved: A has rolled back"
    reason = (
        "Both tasks share one transaction. B's commit ends it, with A's order in it. A's "
        "rollback comes too late and finds nothing to undo."
    )
    cure = "Give each task a session: then B commits only B's work."

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def a() -> None:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.rollback()

            async def b() -> str:
                async with shop.meanwhile():
                    session.add(Order(name="B"))
                    await session.commit()
                    return "B"

            return await gather(b(), a(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def a() -> None:
            async with shop.sessions() as session:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.rollback()

        async def b() -> str:
            async with shop.meanwhile(), shop.sessions() as session:
                session.add(Order(name="B"))
                await session.commit()
                return "B"

        return await gather(b(), a(), return_exceptions=True)


class RollBackAnother(Mistake):
    name = "roll-back-another"
    title = "B fails its validation and rolls back, while A waits"
    guess = "A's order is saved: A's commit returned without an error"
    reason = (
        "B's rollback undoes A's order too. A's commit then commits an empty transaction, which "
        "is not an error."
    )
    cure = "Give each task a session: then B undoes only B's work."

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def a() -> str:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.commit()
                return "A"

            async def b() -> None:
                async with shop.meanwhile():
                    await session.rollback()

            return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def a() -> str:
            async with shop.sessions() as session:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.commit()
                return "A"

        async def b() -> None:
            async with shop.meanwhile(), shop.sessions() as session:
                await session.rollback()

        return await gather(a(), b(), return_exceptions=True)


class Debit(Mistake):
    name = "debit-committed"
    title = "A debits 100, and then its payment fails; B has committed in between"
    guess = f"the balance is {BALANCE} again: A has rolled back"
    reason = (
        "B's commit makes A's unfinished work visible: half a transfer, or an order without "
        "lines. A's rollback then belongs to another transaction."
    )
    cure = (
        "Use `async with shop.sessions.begin() as session` in each task: it commits all of A's "
        "work, or none of it."
    )
    truth = "SELECT balance FROM gatherbench.lesson_customer WHERE id = 1"

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def a() -> str:
                customer = await session.get_one(Customer, 1)
                customer.balance -= 100
                await session.flush()
                await shop.think()
                await session.rollback()
                return "rolled back"

            async def b() -> None:
                async with shop.meanwhile():
                    await session.commit()

            return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def a() -> str:
            async with shop.sessions() as session:
                customer = await session.get_one(Customer, 1)
                customer.balance -= 100
                await session.flush()
                await shop.think()
                await session.rollback()
                return "rolled back"

        async def b() -> None:
            async with shop.meanwhile(), shop.sessions() as session:
                await session.commit()

        return await gather(a(), b(), return_exceptions=True)

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return not answers or list(truth) == [(BALANCE,)]

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"told {answers[0] if answers else 'nothing'}, balance {truth[0][0]}"


class LostAttribute(Mistake):
    name = "attribute-forgotten"
    title = "A sets an attribute; B rolls back; A commits"
    guess = "the new name is saved: A set it and committed"
    reason = (
        "A rollback expires every object of the session. The value that A had set is lost before "
        "it was written, and no exception is raised. A's commit then finds no change."
    )
    cure = "Give each task a session: then only A can expire A's objects."
    truth = "SELECT name FROM gatherbench.lesson_customer WHERE id = 1"

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def a() -> str:
                customer = await session.get_one(Customer, 1)
                customer.name = "renamed"
                await shop.think()
                await session.commit()
                return "renamed"

            async def b() -> None:
                async with shop.meanwhile():
                    await session.rollback()

            return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def a() -> str:
            async with shop.sessions() as session:
                customer = await session.get_one(Customer, 1)
                customer.name = "renamed"
                await shop.think()
                await session.commit()
                return "renamed"

        async def b() -> None:
            async with shop.meanwhile(), shop.sessions() as session:
                await session.rollback()

        return await gather(a(), b(), return_exceptions=True)

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return set(answers) <= set(truth[0])

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"told {answers[0] if answers else 'nothing'}, the name is {truth[0][0]}"


class CommitOfTheAborted(Mistake):
    name = "aborted-commit"
    title = "B's statement fails, and B handles the error; A commits"
    guess = "A's order is saved: A's commit returned without an error"
    reason = (
        "In PostgreSQL an error aborts the transaction, and both tasks share it. The server then "
        "answers COMMIT with the command tag ROLLBACK, which is not an error. The libraries do "
        "not check the tag."
    )
    cure = (
        "Give each task a session. Within one task, put a savepoint (`begin_nested`) around a "
        "statement that may fail."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:

            async def a() -> str:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.commit()
                return "A"

            async def b() -> None:
                async with shop.meanwhile():
                    with suppress(DBAPIError):
                        await session.execute(text("SELECT 1 / 0"))

            return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async def a() -> str:
            async with shop.sessions() as session:
                session.add(Order(name="A"))
                await session.flush()
                await shop.think()
                await session.commit()
                return "A"

        async def b() -> None:
            async with shop.meanwhile(), shop.sessions() as session:
                with suppress(DBAPIError):
                    await session.execute(text("SELECT 1 / 0"))

        return await gather(a(), b(), return_exceptions=True)


MISTAKES = (
    AddWhileCommitting(),
    RollBackAnother(),
    Debit(),
    LostAttribute(),
    CommitOfTheAborted(),
)
