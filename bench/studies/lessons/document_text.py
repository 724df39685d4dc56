"""The sentences of docs/one-session-per-task.md and its pages. They hold no figure."""

from collections.abc import Mapping

OPENING = """\
# One session per task

A session is one transaction in progress on one connection. SQLAlchemy's documentation says who may
use it: [one task at a time](https://docs.sqlalchemy.org/en/20/orm/session_basics.html#is-the-session-thread-safe-is-asyncsession-safe-to-share-in-concurrent-tasks),
and with `asyncio.gather` [one session for each task](https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#using-asyncsession-with-concurrent-tasks).
This page breaks the rule in every way that we know, on a real PostgreSQL, many times. It compares
the answers that the tasks gave with the rows in the tables.

Read the code of a mistake, guess the outcome, and then read on. Everything here runs on your
machine:

```sh
bench lesson
bench lesson session-per-task --guard
bench lesson session-per-task --mistake roll-back-another
```

In the code, `shop.sessions` is the application's `async_sessionmaker`, and `shop.engine` is its
engine. Task A waits at `await shop.think()`. Task B runs inside `async with shop.meanwhile()`,
which lasts as long as A waits: in an application the two meet by chance, and in the lesson they
always meet. A task returns what it tells its user.

The outcome is judged by evidence. [The glossary](glossary.md#outcomes-of-a-lesson) explains the
terms; the important one is **silently wrong**: no task got an exception, and an answer contradicts
the tables, which are read afterwards through a separate connection."""

THEMES: Mapping[str, str] = {
    "Reads": (
        "Sharing is noticed only if the checkout of a connection has to wait. A warm pool, which "
        "production has most of the time, does not wait, and so it hides the mistake."
    ),
    "One transaction": (
        "None of these raises an exception. The calls never overlap, so no check for overlap can "
        "see them. The tasks share a transaction, and any task can end it."
    ),
    "Threads": (
        "The rule is the same for threads. They collide in more places, and less predictably."
    ),
    "Pools and loops": "These mistakes also harm other tasks, although those keep the rule.",
}

THINKING = """\
This is one mistake with more and more time between the awaits of a task. Quick handlers collide and
get an exception. Slow handlers rarely collide. They share a transaction, and no exception shows it.
So a demonstration on a laptop raises at once, and a service with little traffic loses orders for
weeks. A lock around each call of the session looks like a cure. It ends the exceptions, and orders
are still lost."""

ENGINES = """\
The workshop makes an engine inside the function that returns sessions, so it makes one for every
call. Each engine has a pool of its own, and the pool is dropped with one connection in it. The
connection stays open until the garbage collector runs. If it runs late, the server refuses new
connections."""

COST = """\
A session is a few Python objects. Its transaction costs time, shared or not. Sharing saves one
checkout, and it removes all concurrency: a connection does one thing at a time."""

QUESTIONS = """\
[The answers](one-session-per-task/questions.md) come from running the code of each question:"""

QUESTIONS_PAGE = """\
Each question is answered by running its code. The output shows the result, the number of statements
that the server answered, and the warnings that Python gave."""

CLOSING = """\
## What to do

- Open a session in the task that uses it, with `async with`, and share it with no other task. Pass
  keys to a task that lives longer, not objects and not sessions.
- Make one engine for the process, on one event loop, and dispose of it once.
- Use `TaskGroup`, or check each result of `gather(return_exceptions=True)`.
- Read a row that you will write with `with_for_update`, also when each task has a session.
- Make warnings errors in tests: `-W error::sqlalchemy.exc.SAWarning`. For a forgotten await use
  both `-W error::RuntimeWarning` and `-W error::pytest.PytestUnraisableExceptionWarning`: with the
  first alone, such a test passes.
- Make the use of a closed session an error: `async_sessionmaker(..., close_resets_only=False)`.
- Let [`session_guard`](session-guard.md) watch your application."""
