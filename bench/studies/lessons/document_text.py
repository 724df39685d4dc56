"""What docs/one-session-per-task.md says between its figures. No figure stands here."""

from collections.abc import Mapping

OPENING = """\
# One session per task

A session is one transaction in progress, and one connection. SQLAlchemy's documentation says who
may use it: [one task at a time](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks),
and with `asyncio.gather` [a session for each](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-asyncsession-with-concurrent-tasks).
This page breaks the rule in every way we know, against a real PostgreSQL, many times over, and
holds what the tasks were told against what the tables say.

Read a mistake's code, guess, and then read on. Everything here runs on your machine:

```sh
bench lesson
bench lesson session-per-task --guard
bench lesson session-per-task --mistake roll-back-another
```

In the code, `shop.sessions` is the application's `async_sessionmaker` and `shop.engine` its engine.
`await shop.think()` is where A stops for thought, and `async with shop.meanwhile()` is what B does
in that time: the lesson makes certain what in an application happens now and then. A task gives
back what it tells its user.

An outcome is judged by evidence. **Raised**: some task got an exception. **Silently wrong**: none
did, and what was told is not what is in the tables, read afterwards through a connection of its
own. **Silently serial**: right, and at no time did two statements run at once, by the server's
clock. **Hung**: no end in the time it was given. **Right by luck**: nothing went wrong this time.
**Crashed**: it took its process with it.
**Caught**: the guard (`session_guard`) saw it. **Caught at the borrower's next use**: a task had
lent its session to a task that it started, and took it back; what the borrower did next was
refused."""

THEMES: Mapping[str, str] = {
    "Reads": (
        "Whether sharing is noticed depends on the weather: on whether the checkout has to wait "
        "for anything. A warm pool, which is what production has most of the time, hides it."
    ),
    "One transaction": (
        "None of these raises anything. Each call is made when no other is under way, so that no "
        "check for overlap can see them; what is shared is the transaction, and it is a task's "
        "only as long as nobody else ends it."
    ),
    "Threads": "Threads are no different. They meet at more places, and less repeatably.",
    "Pools and loops": "Here the harm is done to others: those who have kept the rule.",
}

THINKING = """\
One mistake, with more and more time between a task's awaits. Handlers that are quick collide, and
are told. Handlers that are slow miss each other, and share a transaction unseen: a demonstration
on a laptop raises at once, and a quiet service loses orders for weeks. A lock round each call of
the session, which looks like a cure, ends the exceptions, and loses orders as before."""

ENGINES = """\
The workshop makes an engine inside the function that hands out sessions, so for every call. Each
engine has a pool of its own, which is thrown away with one connection in it. Nobody closes that
connection until the garbage collector comes by, and where it comes late, the server refuses."""

COST = """\
A session is a few Python objects; what costs is the transaction on it, shared or not. Sharing
saves a checkout. What it takes away is every bit of concurrency: one connection does one thing at a
time."""

QUESTIONS = """\
Each answered by running it: first what came back, then how many statements the server has answered,
then the warnings that Python gave."""

CLOSING = """\
## What to do

- Open a session in the task that uses it, with `async with`, and let nobody else have it. Pass
  keys, not objects and not sessions, to whoever outlives you.
- One engine for the process, made once, disposed of once, on one event loop.
- `TaskGroup`, or look at each result of `gather(return_exceptions=True)`.
- A row that is read to be written wants `with_for_update`, also with a session each.
- In tests, make warnings errors: `-W error::sqlalchemy.exc.SAWarning`, and for a forgotten await
  both `-W error::RuntimeWarning` and `-W error::pytest.PytestUnraisableExceptionWarning`: with the
  first alone such a test passes.
- `async_sessionmaker(..., close_resets_only=False)` makes the use of a closed session an error."""
