"""A drop-in Session that refuses a second user before it is touched."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, SessionTransaction

from session_guard.custody import Custody

Method = TypeVar("Method", bound=Callable[..., Any])


def _guarded(method: Method) -> Method:
    name = method.__name__

    @wraps(method)
    def call(self: "GuardedSession", *args: Any, **kwargs: Any) -> Any:
        custody = self.custody
        custody.enter(name, self)
        try:
            return method(self, *args, **kwargs)
        finally:
            custody.leave()

    return cast(Method, call)


class GuardedSession(Session):
    """A Session for one task, or thread, at a time: SharedSessionError for a second.

    What `sync_session_class=` takes, or `class_=` of a sessionmaker::

        maker = async_sessionmaker(engine, sync_session_class=GuardedSession)

    The sync class, since lazy loads, `refresh`, `awaitable_attrs` and `run_sync` go past the
    methods of AsyncSession. `strict`: even an idle session may not change hands.
    """

    def __init__(self, *args: Any, strict: bool = False, **kwargs: Any) -> None:
        self.custody = Custody("session", strict=strict)
        self.connections: list[Connection] = []  # of the open transaction
        super().__init__(*args, **kwargs)

    add = _guarded(Session.add)
    add_all = _guarded(Session.add_all)
    begin = _guarded(Session.begin)
    begin_nested = _guarded(Session.begin_nested)
    bulk_insert_mappings = _guarded(Session.bulk_insert_mappings)
    bulk_save_objects = _guarded(Session.bulk_save_objects)
    bulk_update_mappings = _guarded(Session.bulk_update_mappings)
    close = _guarded(Session.close)
    commit = _guarded(Session.commit)
    connection = _guarded(Session.connection)
    delete = _guarded(Session.delete)
    execute = _guarded(Session.execute)
    expire = _guarded(Session.expire)
    expire_all = _guarded(Session.expire_all)
    expunge = _guarded(Session.expunge)
    expunge_all = _guarded(Session.expunge_all)
    flush = _guarded(Session.flush)
    get = _guarded(Session.get)
    get_one = _guarded(Session.get_one)
    invalidate = _guarded(Session.invalidate)
    merge = _guarded(Session.merge)
    prepare = _guarded(Session.prepare)
    refresh = _guarded(Session.refresh)
    reset = _guarded(Session.reset)
    rollback = _guarded(Session.rollback)
    scalar = _guarded(Session.scalar)  # type: ignore[assignment, arg-type]
    scalars = _guarded(Session.scalars)


for _name in ("delete_all", "merge_all"):  # since SQLAlchemy 2.1
    if hasattr(Session, _name):
        setattr(GuardedSession, _name, _guarded(getattr(Session, _name)))


# A transaction object has methods of its own, and so has every mapped attribute.


@event.listens_for(GuardedSession, "after_transaction_create")
def _begun(session: GuardedSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.custody.begun()


@event.listens_for(GuardedSession, "after_begin")
def _connected(session: GuardedSession, _: SessionTransaction, connection: Connection) -> None:
    session.connections.append(connection)


@event.listens_for(GuardedSession, "before_commit")
def _commits(session: GuardedSession) -> None:
    session.custody.check("commit", session)


@event.listens_for(GuardedSession, "after_transaction_end")
def _ended(session: GuardedSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.connections.clear()
        session.custody.ended("end of transaction")
