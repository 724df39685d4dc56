"""Mapped objects carry their session with them: to share one is to share the other."""

from asyncio import gather

from sqlalchemy import select
from sqlalchemy.orm import lazyload, selectinload

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.mistake import Mistake, Rows, Told
from bench.studies.lessons.tables import Customer

_LAZILY = select(Customer).options(lazyload(Customer.address))
_TOGETHER = select(Customer).options(selectinload(Customer.address))


class GatherOfAttributes(Mistake):
    name = "awaitable-attrs"
    title = "gather of awaitable_attrs of objects from one session"
    guess = "three loads side by side: no session is named anywhere"
    reason = (
        "`awaitable_attrs` is the lazy load, awaited, on the session that the object came from. "
        "Gathering it shares that session, with no session in sight. The adapter's lock makes it "
        "come out right, one load after the other."
    )
    cure = "Load what you need with the objects: `selectinload`, in one statement more."
    tasks = 3
    truth = "SELECT post_code FROM gatherbench.lesson_address ORDER BY id"

    async def wrong(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:
            found = await session.scalars(_LAZILY)

            async def post_code(customer: Customer) -> int:
                return (await customer.awaitable_attrs.address).post_code

            return await gather(*map(post_code, found), return_exceptions=True)

    async def right(self, shop: Fixture) -> Told:
        async with shop.sessions() as session:
            found = await session.scalars(_TOGETHER)
            return [customer.address.post_code for customer in found]

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return set(answers) <= {row[0] for row in truth}

    def says(self, answers: Told, truth: Rows) -> str:
        return f"{len(answers)} of {len(truth)} answered"


class BorrowedInstance(Mistake):
    name = "borrowed-instance"
    title = "A keeps an object where B finds it; B changes it, and commits its own session"
    guess = "the new name: B set it, and committed"
    reason = (
        "The object belongs to A's session, whoever finds it, and only A's session will write it. "
        "B's has nothing to commit, and says nothing; A, which only reads, commits nothing. Had A "
        "committed, it would have saved a name that it never set."
    )
    cure = "Keep the key, and load it in B's own session (`get`, or `merge`)."
    truth = "SELECT name FROM gatherbench.lesson_customer WHERE id = 1"

    async def wrong(self, shop: Fixture) -> Told:
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

    async def right(self, shop: Fixture) -> Told:
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

    def agrees(self, answers: Told, truth: Rows) -> bool:
        return set(answers) <= set(truth[0])

    def says(self, answers: Told, truth: Rows) -> str:
        return f"told {answers[0] if answers else 'nothing'}, the name is {truth[0][0]}"


class AddedTwice(BorrowedInstance):
    name = "added-twice"
    title = "A keeps an object where B finds it; B adds it to a session of its own"
    guess = "B's session takes it over"
    reason = "An object is in one session at a time, and here SQLAlchemy can see that it is not."

    async def wrong(self, shop: Fixture) -> Told:
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
