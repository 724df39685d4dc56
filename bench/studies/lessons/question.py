"""The workshop's questions, each as code that answers it. What is shown is what runs."""

import inspect
import textwrap
from typing import Any, ClassVar

from sqlalchemy import func, select, update
from sqlalchemy.orm import lazyload, selectinload

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.tables import Customer, Order

# What forgets an await is wrong on purpose, and mypy would say so.
# mypy: disable-error-code="unused-coroutine"


class Question:
    """A question, code that answers it, and why. `ask` gives back what there is to see."""

    name: ClassVar[str]
    question: ClassVar[str]
    reason: ClassVar[str]

    async def ask(self, shop: Fixture) -> Any:
        raise NotImplementedError

    @classmethod
    def source(cls) -> str:
        """The lines of `ask`, without its `def`."""
        return textwrap.dedent("".join(inspect.getsourcelines(cls.ask)[0][1:])).rstrip()


class Joined(Question):
    name = "joined"
    question = "Why does `customer.address` need no await?"
    reason = (
        'The relationship is mapped with `lazy="joined"`: the address comes in the same SELECT, '
        "and reading it is no I/O."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            customer = await session.get_one(Customer, 1)
            return customer.address.post_code


class LazySelect(Question):
    name = "lazy-select"
    question = 'What does `lazy="select"`, the default, do instead?'
    reason = "Reading the attribute would be I/O, which needs an await, and an attribute has none."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            customer = await session.get_one(Customer, 1, options=[lazyload(Customer.address)])
            return customer.address.post_code


class LazyLater(Question):
    name = "lazy-after-close"
    question = "And after the session has been closed?"
    reason = "Then there is no session to load with, and the error is another one."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            customer = await session.get_one(Customer, 1, options=[lazyload(Customer.address)])
        return customer.address.post_code


class Selectin(Question):
    name = "selectin"
    question = "What is the cure for a collection, or for many objects?"
    reason = "`selectinload` fetches all that is needed in one SELECT more, however many objects."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            found = await session.scalars(select(Customer).options(selectinload(Customer.address)))
            return [customer.address.post_code for customer in found]


class AwaitableAttrs(Question):
    name = "awaitable-attrs"
    question = "What does `awaitable_attrs` cost?"
    reason = "It is the lazy load, awaited: a SELECT for each object, one after the other (N + 1)."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            found = await session.scalars(select(Customer).options(lazyload(Customer.address)))
            return [(await each.awaitable_attrs.address).post_code for each in found]


class Expired(Question):
    name = "expire-on-commit"
    question = "What may one read after a commit?"
    reason = "By default a commit expires every object, and the next read of any attribute is I/O."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            customer = await session.get_one(Customer, 1)
            await session.commit()
            return customer.name


class Kept(Question):
    name = "expire-on-commit-false"
    question = "What does `expire_on_commit=False` change?"
    reason = "Objects keep what they had. Nobody looks whether it is still so."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions(expire_on_commit=False) as session:
            customer = await session.get_one(Customer, 1)
            await session.commit()
            return customer.name


class Stale(Question):
    name = "stale"
    question = "With it, does a new SELECT bring the new value?"
    reason = (
        "No: the object is in the identity map, unexpired, and its row is not unpacked again. "
        "`populate_existing` makes it."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions(expire_on_commit=False) as session:
            customer = await session.get_one(Customer, 1)
            await session.commit()
            async with shop.sessions.begin() as other:
                await other.execute(update(Customer).values(name="renamed"))
            by_id = select(Customer).where(Customer.id == 1)
            again = (await session.scalars(by_id)).one().name
            fresh = by_id.execution_options(populate_existing=True)
            return again, (await session.scalars(fresh)).one().name, customer.name


class RolledBack(Question):
    name = "rollback-expires"
    question = "With it, what may one read after a rollback?"
    reason = "A rollback expires all the same: what the objects hold may never have been true."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions(expire_on_commit=False) as session:
            customer = await session.get_one(Customer, 1)
            await session.rollback()
            return customer.name


class ForgottenExecute(Question):
    name = "execute-without-await"
    question = "`session.execute()` without its await?"
    reason = (
        "A coroutine that nobody awaits does nothing. Python says so in a RuntimeWarning when it "
        "is collected, as a line on stderr."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions.begin() as session:
            session.execute(update(Customer).values(name="renamed"))
        async with shop.sessions() as session:
            return await session.scalar(select(Customer.name).where(Customer.id == 1))


class ForgottenFlush(Question):
    name = "flush-without-await"
    question = "`session.flush()` without its await?"
    reason = "No id yet. A commit flushes by itself, so that often nobody notices."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions.begin() as session:
            order = Order(name="A")
            session.add(order)
            session.flush()
            return order.id


class ForgottenCommit(Question):
    name = "commit-without-await"
    question = "`session.commit()` without its await?"
    reason = "No exception, no row. Closing the session rolls back what was never committed."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            session.add(Order(name="A"))
            session.commit()
        async with shop.sessions() as session:
            return f"{await session.scalar(_ORDERS)} orders"


class ForgottenRollback(Question):
    name = "rollback-without-await"
    question = "`session.rollback()` without its await?"
    reason = "The order that was rejected is still pending, and the next commit saves it."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            session.add(Order(name="rejected"))
            session.rollback()
            await session.commit()
        async with shop.sessions() as session:
            return f"{await session.scalar(_ORDERS)} orders"


class ForgottenBegin(Question):
    name = "begin-without-await"
    question = "`session.begin()`, neither awaited nor entered?"
    reason = (
        "Nothing at all, not even a warning: it is no coroutine, but an object that can be awaited "
        "or entered. The transaction begins by itself at the first statement."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            session.begin()
            return session.in_transaction()


class SameColumn(Question):
    name = "column-equals-itself"
    question = "Which customer does the workshop's write find?"
    reason = (
        "Where a parameter and a column share a name, the column is compared with itself: true for "
        "every row. Asked for customer 3, it takes the first."
    )

    async def ask(self, shop: Fixture) -> Any:
        asked_for = 3
        everybody = select(Customer).where(Customer.id == Customer.id).order_by(Customer.id)
        async with shop.sessions() as session:
            customer = (await session.scalars(everybody)).first()
            return f"asked for {asked_for}, got {customer and customer.id}"


_ORDERS = select(func.count()).select_from(Order)

QUESTIONS: tuple[Question, ...] = (
    Joined(),
    LazySelect(),
    LazyLater(),
    Selectin(),
    AwaitableAttrs(),
    Expired(),
    Kept(),
    Stale(),
    RolledBack(),
    ForgottenExecute(),
    ForgottenFlush(),
    ForgottenCommit(),
    ForgottenRollback(),
    ForgottenBegin(),
    SameColumn(),
)
