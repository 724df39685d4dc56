"""The hold on the server of a user's own statements: the lock of our rows, or a look at others."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from bench.dataset import lock
from bench.dataset.lock import ServerGoneError
from bench.model.run_config import RunConfig
from bench.server.database import Database
from bench.server.failures import first_line
from bench.studies.query.question import Subject

if TYPE_CHECKING:
    import psycopg

Result = TypeVar("Result")


@contextmanager
def watching(subjects: Sequence[Subject], config: RunConfig, database: Database) -> Iterator[Any]:
    """Hold the lock of our own rows, or only watch the server of other rows."""
    if any(subject.marketplace for subject in subjects):
        with lock.held(database, config.timeout_s) as held:
            yield held
    else:
        with closing(database.connect()) as connection:
            yield Watch(database, connection)


@dataclass
class Watch:
    """A connection that shows whether the server is still there. It locks nothing."""

    database: Database
    connection: "psycopg.Connection[Any]"

    def check(self) -> None:
        """Raise `ServerGoneError` if the server does not answer."""
        import psycopg

        try:
            self.connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            raise ServerGoneError(
                f"the server went away ({first_line(error, self.database.url)}).\n"
                "See its log. The runs finished before are kept."
            ) from None

    def run(self, work: "Callable[[psycopg.Connection[Any]], Result]") -> Result:
        """Call `work` with the connection."""
        return work(self.connection)
