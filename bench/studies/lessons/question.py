"""The workshop's questions, each with the code that answers it. This code is what runs."""

import inspect
import textwrap
from typing import Any, ClassVar

from sqlalchemy import func, select, update
from sqlalchemy.orm import lazyload, selectinload

from bench.studies.lessons.fixture import Fixture
from bench.studies.lessons.tables import Customer, Order

# The code without an await is wrong on purpose, and mypy would report it.
# mypy: disable-error-code="unused-coroutine"


class Question:
    """A question, the code that answers it, and the reason. `ask` returns the answer."""

    name: ClassVar[str]
    question: ClassVar[str]
    reason: ClassVar[str]

    async def ask(self, shop: Fixture) -> Any:
        raise NotImplementedError

    @classmethod
    def source(cls) -> str:
        """Return the lines of `ask`, without its `def`."""
        return textwrap.dedent("".join(inspect.getsourcelines(cls.ask)[0][1:])).rstrip()


class Joined(Question):
    name = "joined"
    question = "Why does `customer.address` need no await?"
    reason = (
        'The relationship is mapped with `lazy="joined"`. The address comes in the same SELECT, '
        "so reading it is not I/O."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            customer = await session.get_one(Customer, 1)
            return customer.address.post_code


class LazySelect(Question):
    name = "lazy-select"
    question = 'What does `lazy="select"`, the default, do instead?'
    reason = "Reading the attribute would be I/O. I/O needs an await, and an attribute has none."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            customer = await session.get_one(Customer, 1, options=[lazyload(Customer.address)])
            return customer.address.post_code


class LazyLater(Question):
    name = "lazy-after-close"
    question = 'What does `lazy="select"` do after the session is closed?'
    reason = "There is no session to load with. The exception is a different one."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            customer = await session.get_one(Customer, 1, options=[lazyload(Customer.address)])
        return customer.address.post_code


class Selectin(Question):
    name = "selectin"
    question = "What avoids the lazy load for a collection, or for many objects?"
    reason = (
        "`selectinload` fetches everything that is needed in one more SELECT, for any number of "
        "objects."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            found = await session.scalars(select(Customer).options(selectinload(Customer.address)))
            return [customer.address.post_code for customer in found]


class AwaitableAttrs(Question):
    name = "awaitable-attrs"
    question = "What does `awaitable_attrs` cost?"
    reason = (
        "It is the lazy load with an await: one SELECT for each object, one after the other (N + "
        "1)."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            found = await session.scalars(select(Customer).options(lazyload(Customer.address)))
            return [(await each.awaitable_attrs.address).post_code for each in found]


class Expired(Question):
    name = "expire-on-commit"
    question = "Which attributes can you read after a commit?"
    reason = "By default a commit expires every object. The next read of any attribute is I/O."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            customer = await session.get_one(Customer, 1)
            await session.commit()
            return customer.name


class Kept(Question):
    name = "expire-on-commit-false"
    question = "What does `expire_on_commit=False` change?"
    reason = (
        "Objects keep the values that they had. SQLAlchemy does not check whether the rows still "
        "have them."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions(expire_on_commit=False) as session:
            customer = await session.get_one(Customer, 1)
            await session.commit()
            return customer.name


class Stale(Question):
    name = "stale"
    question = "With `expire_on_commit=False`, does a new SELECT bring the new value?"
    reason = (
        "No. The object is in the identity map and is not expired, so SQLAlchemy does not read "
        "the row into it again. With `populate_existing` it does."
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
    question = "With `expire_on_commit=False`, which attributes can you read after a rollback?"
    reason = (
        "A rollback expires the objects all the same, because their values may never have been "
        "true."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions(expire_on_commit=False) as session:
            customer = await session.get_one(Customer, 1)
            await session.rollback()
            return customer.name


class ForgottenExecute(Question):
    name = "execute-without-await"
    question = "What does `session.execute()` do without its await?"
    reason = (
        "A coroutine without an await does nothing. Python reports it with a RuntimeWarning on "
        "stderr when the coroutine is collected."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions.begin() as session:
            session.execute(update(Customer).values(name="renamed"))
        async with shop.sessions() as session:
            return await session.scalar(select(Customer.name).where(Customer.id == 1))


class ForgottenFlush(Question):
    name = "flush-without-await"
    question = "What does `session.flush()` do without its await?"
    reason = (
        "The order has no id yet. A commit flushes by itself, so the mistake often goes unnoticed."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions.begin() as session:
            order = Order(name="A")
            session.add(order)
            session.flush()
            return order.id


class ForgottenCommit(Question):
    name = "commit-without-await"
    question = "What does `session.commit()` do without its await?"
    reason = (
        "There is no exception, and no row. Closing the session rolls back what was never "
        "committed."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            session.add(Order(name="A"))
            session.commit()
        async with shop.sessions() as session:
            return f"{await session.scalar(_ORDERS)} orders"


class ForgottenRollback(Question):
    name = "rollback-without-await"
    question = "What does `session.rollback()` do without its await?"
    reason = "The rejected order is still pending, and the next commit saves it."

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            session.add(Order(name="rejected"))
            session.rollback()
            await session.commit()
        async with shop.sessions() as session:
            return f"{await session.scalar(_ORDERS)} orders"


class ForgottenBegin(Question):
    name = "begin-without-await"
    question = "What does `session.begin()` do when it is neither awaited nor entered?"
    reason = (
        "It does nothing, and Python gives no warning. The result is not a coroutine, but an "
        "object that can be awaited or entered. The transaction begins by itself at the first "
        "statement."
    )

    async def ask(self, shop: Fixture) -> Any:
        async with shop.sessions() as session:
            session.begin()
            return session.in_transaction()


class SameColumn(Question):
    name = "column-equals-itself"
    question = "Which customer does the workshop's write find?"
    reason = (
        "A parameter and a column have the same name. So the column is compared with itself, "
        "which is true for every row. The code asks for customer 3 and gets the first one."
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
