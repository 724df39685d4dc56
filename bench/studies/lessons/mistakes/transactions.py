"""Two tasks, one transaction: what one begins, the other ends."""

from asyncio import gather
from contextlib import suppress

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, Told
from bench.studies.lessons.tables import BALANCE, Customer, Order


class AddWhileCommitting(Mistake):
    name = "add-while-committing"
    title = "A changes its mind; B has committed in between"
    guess = "no order of A's: A has rolled back"
    reason = (
        "B's commit ends the one transaction there is, with A's order in it. A's rollback comes "
        "too late and finds nothing to undo."
    )
    cure = "A session for each: B commits B's work."

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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
    title = "B fails its validation and rolls back, while A thinks"
    guess = "A's order: A has committed, and was told so"
    reason = (
        "B's rollback takes A's order with it. A's commit then commits a transaction with nothing "
        "in it, which is no error."
    )
    cure = "A session for each: B undoes B's work."

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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
    title = "A debits 100, then its payment fails; B has committed in between"
    guess = f"the balance is {BALANCE} again: A has rolled back"
    reason = (
        "B's commit publishes whatever A has got to: half a transfer, an order without lines. What "
        "A undoes afterwards is in another transaction."
    )
    cure = "`async with shop.sessions.begin() as session`: all of A's work, or none of it."
    truth = "SELECT balance FROM gatherbench.lesson_customer WHERE id = 1"

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return not answers or list(truth) == [(BALANCE,)]

    def says(self, answers: Told, truth: Rows) -> str:
        return f"told {answers[0] if answers else 'nothing'}, balance {truth[0][0]}"


class LostAttribute(Mistake):
    name = "attribute-forgotten"
    title = "A sets an attribute; B rolls back; A commits"
    guess = "the new name: A set it and committed"
    reason = (
        "A rollback expires every object of the session. What A had set on one is forgotten, "
        "unwritten and unsaid, and its commit finds nothing changed."
    )
    cure = "A session for each: then nobody expires A's objects but A."
    truth = "SELECT name FROM gatherbench.lesson_customer WHERE id = 1"

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return set(answers) <= set(truth[0])

    def says(self, answers: Told, truth: Rows) -> str:
        return f"told {answers[0] if answers else 'nothing'}, the name is {truth[0][0]}"


class CommitOfTheAborted(Mistake):
    name = "aborted-commit"
    title = "B's statement fails, and B handles it; A commits"
    guess = "A's order: A has committed, and was told so"
    reason = (
        "In PostgreSQL an error aborts the transaction, for both. To COMMIT the server then "
        "answers ROLLBACK, as words and not as an error, and nobody reads them."
    )
    cure = "A session for each; within one, a savepoint (`begin_nested`) round what may fail."

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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
