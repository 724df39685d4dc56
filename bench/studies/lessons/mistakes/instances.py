"""Mistakes with mapped objects: an object carries its session, so sharing it shares the session."""

from asyncio import gather

from sqlalchemy import select
from sqlalchemy.orm import lazyload, selectinload

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, TaskResults
from bench.studies.lessons.tables import Customer

_LAZILY = select(Customer).options(lazyload(Customer.address))
_TOGETHER = select(Customer).options(selectinload(Customer.address))


class GatherOfAttributes(Mistake):
    name = "awaitable-attrs"
    title = "gather of awaitable_attrs of objects from one session"
    guess = "three loads run at the same time: the code shares no session"
    reason = (
        "`awaitable_attrs` runs the lazy load on the session that the object came from. So "
        "`gather` over it shares that session, although the code does not name one. The results "
        "are right because the driver adapter holds a lock: one load runs after the other."
    )
    cure = (
        "Load the related objects in the same call, with `selectinload`. This takes one more "
        "statement."
    )
    tasks = 3
    truth = "SELECT post_code FROM gatherbench.lesson_address ORDER BY id"

    async def wrong(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:
            found = await session.scalars(_LAZILY)

            async def post_code(customer: Customer) -> int:
                return (await customer.awaitable_attrs.address).post_code

            return await gather(*map(post_code, found), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        async with shop.sessions() as session:
            found = await session.scalars(_TOGETHER)
            return [customer.address.post_code for customer in found]

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return set(answers) <= {row[0] for row in truth}

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"{len(answers)} of {len(truth)} answered"


class BorrowedInstance(Mistake):
    name = "borrowed-instance"
    title = "A puts an object into a cache; B changes it, and commits B's own session"
    guess = "the new name is saved: B set it, and committed"
    reason = (
        "The object belongs to A's session, and only A's session can write it. B's session has "
        "no change to commit, and raises nothing. A only reads, so A commits nothing. If A had "
        "committed, A would have saved a name that it never set."
    )
    cure = "Cache the key, and load the object in B's own session (`get`, or `merge`)."
    truth = "SELECT name FROM gatherbench.lesson_customer WHERE id = 1"

    async def wrong(self, shop: Fixture) -> TaskResults:
        cache: dict[str, Customer] = {}

        async def a() -> None:
            async with shop.sessions() as session:
                cache["the customer"] = await session.get_one(Customer, 1)
                await shop.think()

        async def b() -> str:
            async with shop.meanwhile(), shop.sessions() as session:
                cache["the customer"].name = "renamed"
                await session.commit()
            return "renamed"

        return await gather(a(), b(), return_exceptions=True)

    async def right(self, shop: Fixture) -> TaskResults:
        cache: dict[str, int] = {}

        async def a() -> None:
            async with shop.sessions() as session:
                cache["the customer"] = (await session.get_one(Customer, 1)).id
                await shop.think()

        async def b() -> str:
            async with shop.meanwhile(), shop.sessions() as session:
                customer = await session.get_one(Customer, cache["the customer"])
                customer.name = "renamed"
                await session.commit()
            return "renamed"

        return await gather(a(), b(), return_exceptions=True)

    def agrees(self, answers: TaskResults, truth: Rows) -> bool:
        return set(answers) <= set(truth[0])

    def says(self, answers: TaskResults, truth: Rows) -> str:
        return f"told {answers[0] if answers else 'nothing'}, the name is {truth[0][0]}"


class AddedTwice(BorrowedInstance):
    name = "added-twice"
    title = "A puts an object into a cache; B adds it to a session of its own"
    guess = "B's session takes over the object"
    reason = (
        "An object can be in only one session at a time. SQLAlchemy checks this when B adds the "
        "object, and raises an exception."
    )

    async def wrong(self, shop: Fixture) -> TaskResults:
        cache: dict[str, Customer] = {}

        async def a() -> None:
            async with shop.sessions() as session:
                cache["the customer"] = await session.get_one(Customer, 1)
                await shop.think()

        async def b() -> str:
            async with shop.meanwhile(), shop.sessions() as session:
                session.add(cache["the customer"])
                cache["the customer"].name = "renamed"
                await session.commit()
            return "renamed"

        return await gather(a(), b(), return_exceptions=True)


MISTAKES = (GatherOfAttributes(), BorrowedInstance(), AddedTwice())
