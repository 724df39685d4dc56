"""A worker pool on a cluster: the same jobs in worker processes of other machines."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from bench.cluster.client_host import without_secrets
from bench.cluster.machine import Facts, kernel
from bench.measure.job import Job
from bench.measure.worker_pool import Pending
from bench.measure.worker_process import DiedError, GivenUpError, WorkError
from bench.model.errors import BenchError

Result = TypeVar("Result")

_LOOK_S = 0.001
"""Seconds between two looks whether an answer has come."""
_ALIVE_S = 0.5
"""Seconds between two questions to the scheduler whether a worker is still there."""
_GOODBYE_S = 5.0
_KINDS: Mapping[str, type[WorkError]] = {
    kind.__name__: kind for kind in (WorkError, DiedError, GivenUpError)
}


@dataclass
class Place:
    """A worker of the cluster with its client host."""

    address: str
    host: Any
    """Dask's actor of a `ClientHost`."""
    facts: Facts
    lost: bool = False


def _asked(place: Place, method: str, *arguments: Any) -> Any:
    """Call a method of the client host, and return the future of its answer.

    Dask raises at the call itself if it knows already that the worker was lost.
    """
    try:
        return getattr(place.host, method)(*arguments)
    except RuntimeError as error:
        return _NoAnswer(ConnectionError(str(error)))


@dataclass(frozen=True)
class _NoAnswer:
    """The future of a call that could not be made."""

    error: Exception

    def done(self) -> bool:
        return True

    def result(self) -> Any:
        raise self.error


@dataclass
class ClusterPool:
    """The worker processes of a command on a cluster, by name; see `WorkerPool`."""

    places: Sequence[Place]
    """The workers, those of different machines in turn."""
    numbers: Mapping[str, int]
    """Name of a process -> its number among those of a case: processes of a case are spread out."""
    addresses: Callable[[], Iterable[str]]
    """Returns the addresses of the cluster's workers; raises `OSError` without a scheduler."""
    scheduler: str
    """The scheduler's address, for messages."""
    _at: dict[str, Place] = field(default_factory=dict)
    _futures: dict[str, Any] = field(default_factory=dict)
    _looked: float = 0.0

    @property
    def one_machine(self) -> bool:
        """Whether all workers are on one machine."""
        return len({place.facts.kernel for place in self.places}) == 1

    def check_file(self, path: str) -> None:
        """Raise `BenchError` if a machine has no such file."""
        asked = [(place, _asked(place, "has_file", path)) for place in self.places]
        for place, future in asked:
            if not self._wait(place, future, 30.0):
                raise BenchError(
                    f"{place.facts.machine.name} has no file {path}.\n"
                    "Copy the file, and what it imports, to the same path on each machine."
                )

    def start(self, names: Iterable[str]) -> None:
        """Start the processes of these names, all at the same time."""
        by_place: dict[str, list[str]] = {}
        for name in names:
            by_place.setdefault(self._place(name).address, []).append(name)
        starting = [
            (place, _asked(place, "start", by_place[place.address]))
            for place in self.places
            if place.address in by_place
        ]
        for place, future in starting:
            with suppress(WorkError):  # the first job says so
                self._wait(place, future, 30.0)

    def submit(self, name: str, work: Callable[..., Result], *arguments: Any) -> Pending[Result]:
        """Give the job to the process of this name, which starts when it is first needed.

        Raises `BenchError` if no worker is left.
        """
        place = self._place(name)
        given = [self._for(place, without_secrets(argument)) for argument in arguments]
        self._futures[name] = _asked(place, "perform", name, work, *given)
        return Pending(name)

    def answered(self, pending: Pending[Result]) -> bool:
        """Return whether `result` returns at once, with an answer or an error."""
        future, place = self._futures[pending.process], self._at.get(pending.process)
        return future.done() or place is None or self._is_lost(place)

    def result(self, pending: Pending[Result], timeout_s: float) -> Result:
        """Return the answer of the job. Raises `WorkError` for anything that goes wrong.

        Raises `BenchError` if the scheduler is gone.
        """
        name = pending.process
        future = self._futures.pop(name)
        try:
            answer, kind, words = self._wait(self._at[name], future, timeout_s)
        except (DiedError, GivenUpError):
            self.dismiss(name)
            raise
        if kind:
            error = _KINDS.get(kind, WorkError)
            if error is not WorkError:
                self._at.pop(name, None)
            raise error(words)
        return cast(Result, answer)

    def running(self, name: str) -> bool:
        """Return whether there is a live process of this name."""
        return name in self._at and not self._at[name].lost

    def dismiss(self, name: str) -> None:
        """End this process, whatever it does. A new one starts when it is needed."""
        place = self._at.pop(name, None)
        if place and not place.lost:
            with suppress(Exception):
                place.host.dismiss(name).result(timeout=_GOODBYE_S)

    def _place(self, name: str) -> Place:
        """Return the worker for this process. Raises `BenchError` if none is left."""
        if name in self._at and not self._at[name].lost:
            return self._at[name]
        alive = [place for place in self.places if not place.lost]
        if not alive:
            raise BenchError(
                f"no worker of the cluster at {self.scheduler} is left.\n"
                "What was measured before is kept. Start workers again, and repeat the command."
            )
        self._at[name] = alive[self.numbers.get(name, 0) % len(alive)]
        return self._at[name]

    def _wait(self, place: Place, future: Any, timeout_s: float) -> Any:
        deadline = time.monotonic() + timeout_s
        while not future.done():
            if time.monotonic() > deadline:
                raise GivenUpError(f"no end after {timeout_s:g} s: its process was given up")
            if self._is_lost(place):
                raise DiedError(f"the cluster's worker {place.address} was lost")
            time.sleep(_LOOK_S)
        try:
            return future.result()
        except Exception as error:  # Dask's own, for whatever it could not carry
            self._looked = 0.0
            if self._is_lost(place) or isinstance(error, OSError):
                place.lost = True
                raise DiedError(f"the cluster's worker {place.address} was lost") from None
            raise WorkError(f"{type(error).__name__}: {error}".partition("\n")[0]) from None

    def _is_lost(self, place: Place) -> bool:
        """Return whether the worker has left the cluster. Raises `BenchError` with its scheduler.

        The scheduler is asked only now and then.
        """
        if time.monotonic() > self._looked + _ALIVE_S:
            self._looked = time.monotonic()
            try:
                known = set(self.addresses())
            except OSError as error:
                raise BenchError(
                    f"the scheduler at {self.scheduler} is gone ({type(error).__name__}).\n"
                    "What was measured before is kept. Start it again, and repeat the command."
                ) from None
            for each in self.places:
                each.lost = each.lost or each.address not in known
        return place.lost

    def _for(self, place: Place, argument: Any) -> Any:
        """Return a job as this worker can do it: a server elsewhere has no processes there."""
        if isinstance(argument, Job) and place.facts.kernel != kernel():
            return replace(argument, postmaster_pid=None)
        return argument
