"""The connection to a Dask scheduler, or to a cluster that is started for the command.

https://distributed.dask.org/en/stable/actors.html
"""

import logging
import os
import re
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from itertools import zip_longest
from typing import Any
from urllib.parse import urlsplit

from bench.cluster.client_host import ADMIN_URL, URL, ClientHost
from bench.cluster.cluster_pool import ClusterPool, Place
from bench.cluster.machine import DATABASE, Facts, this_machine, together, unlike
from bench.model.errors import BenchError, UsageError
from bench.server.database import Database
from bench.system.interrupts import held_back

log = logging.getLogger(__name__)

_LOCAL = re.compile(r"local:([1-9]\d{0,2})", re.ASCII)
_ADDRESS = re.compile(r"(tcp|tls|ucx|ws|wss)://[^\s/]+:\d+", re.ASCII)
CONNECT_S = 10.0
"""Seconds that scheduler and workers have to answer."""
_GOODBYE_S = 5.0
"""Seconds that all workers together have to end their processes."""


def check(text: str) -> None:
    """Raise `UsageError` for another form of address, and if Dask is not installed."""
    if not (_LOCAL.fullmatch(text) or _ADDRESS.fullmatch(text)):
        raise UsageError(
            f"{text!r} is no scheduler.\n"
            "Write its address, as in tcp://host:8786, or local:4 for four workers here."
        )
    if find_spec("distributed") is None:
        raise UsageError(
            "--scheduler needs Dask's distributed, which is not installed.\n"
            "Type: pip install 'gatherbench[cluster]'"
        )


@contextmanager
def cluster(
    text: str,
    database: Database,
    numbers: Mapping[str, int],
    packages: Iterable[str],
    *,
    guard: bool,
) -> Iterator[ClusterPool]:
    """Give the worker pool of the scheduler for the block. Leaving it ends all processes there.

    `numbers`: see `ClusterPool`. `packages`: those whose versions are compared. Unlike machines are
    logged as warnings. Raises `BenchError` if scheduler or workers cannot be used.
    """
    check(text)
    with ExitStack() as stack:
        _quiet()
        client = stack.enter_context(_client(text, database))
        places = stack.enter_context(_places(client, text, list(packages), guard))
        _check_places(places, database)
        for sentence in unlike(this_machine("", packages), together([p.facts for p in places])):
            log.warning("the machines are unlike: %s", sentence)

        def addresses() -> Iterable[str]:
            return list(client.scheduler_info(n_workers=-1)["workers"])

        yield ClusterPool(_spread(places), numbers, addresses, text)


def _quiet() -> None:
    """Keep Dask's own messages from the terminal: they would be in the table."""
    import distributed  # at its import, some loggers get a level of their own

    warnings.filterwarnings("ignore", module=distributed.__name__)
    for name in ("distributed", "distributed.client", "asyncio", "tornado", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def _client(text: str, database: Database) -> Iterator[Any]:
    from distributed import Client

    with ExitStack() as stack:
        options: dict[str, Any] = {}
        address = text
        if local := _LOCAL.fullmatch(text):
            started = stack.enter_context(_local_cluster(int(local[1]), database))
            address, options = started.scheduler_address, {"security": started.security}
        try:
            with held_back():
                client = Client(address, timeout=CONNECT_S, **options)
        except (OSError, ImportError, TypeError, ValueError, RuntimeError) as error:
            raise BenchError(
                f"no Dask scheduler answers at {text} ({_first_line(error)}).\n"
                "Start one with `dask scheduler`, or try on this machine with --scheduler local:2."
            ) from None
        try:
            yield client
        finally:
            with held_back(), suppress(Exception):
                client.close(timeout=CONNECT_S)


@contextmanager
def _local_cluster(workers: int, database: Database) -> Iterator[Any]:
    """Start a scheduler and workers on this machine, with TLS: no other user can send them jobs."""
    from distributed import LocalCluster
    from distributed.security import Security

    given = {URL: database.url} | ({ADMIN_URL: database.admin_url} if database.admin_url else {})
    before = {name: os.environ.get(name) for name in (URL, ADMIN_URL)}
    os.environ.update(given)  # Dask's processes take it from here, also when they are restarted
    try:
        with held_back():  # none of its processes is to end before the command has asked it to
            started = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address=None,
                security=Security.temporary(),
                silence_logs=logging.CRITICAL,
            )
        try:
            yield started
        finally:
            with held_back(), suppress(Exception):
                started.close(timeout=CONNECT_S)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def _places(client: Any, text: str, packages: list[str], guard: bool) -> Iterator[list[Place]]:
    """Start a client host on each worker. They are closed at the end."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except (TimeoutError, OSError):
        raise BenchError(
            f"the scheduler at {text} has no workers.\n"
            f"Start some on each client machine: dask worker {text}"
        ) from None
    addresses = list(client.scheduler_info(n_workers=-1)["workers"])
    hosts: dict[str, Any] = {}
    try:
        futures = {
            address: client.submit(
                ClientHost, guard, actor=True, workers=[address],
                allow_other_workers=False, pure=False,
            )
            for address in addresses
        }  # fmt: skip
        asked = {}
        for address, future in futures.items():
            with _explained(address):
                hosts[address] = future.result(timeout=CONNECT_S)
                asked[address] = hosts[address].facts(packages, urlsplit(address).hostname or "")
        places = []
        for address, answer in asked.items():
            with _explained(address):
                places.append(Place(address, hosts[address], answer.result(timeout=CONNECT_S)))
        yield places
    finally:
        with held_back():
            closing = [_attempted(host) for host in hosts.values()]
            deadline = time.monotonic() + _GOODBYE_S
            for future in closing:
                with suppress(Exception):
                    future.result(timeout=max(0.01, deadline - time.monotonic()))


def _attempted(host: Any) -> Any:
    with suppress(Exception):
        return host.close()


@contextmanager
def _explained(address: str) -> Iterator[None]:
    """Raise an error of Dask or of the other Python as `BenchError`."""
    try:
        yield
    except Exception as error:
        raise BenchError(
            f"the cluster's worker {address} cannot run gatherbench ({_first_line(error)}).\n"
            f"Install there what is here: gatherbench {this_machine('').gatherbench}, with the same"
            " extras."
        ) from None


def _check_places(places: list[Place], database: Database) -> None:
    """Raise `BenchError` for a worker of another version, or without this database."""
    here = this_machine("")
    with database.connect() as session:
        row = session.execute(DATABASE).fetchone()
    for place in places:
        facts: Facts = place.facts
        if facts.machine.gatherbench != here.gatherbench:
            raise BenchError(
                f"the cluster's worker {place.address} has gatherbench"
                f" {facts.machine.gatherbench}, this command has {here.gatherbench}.\n"
                "Install the same version there, and start the worker again."
            )
        if facts.problem:
            raise BenchError(
                f"the cluster's worker {place.address} cannot reach the database:"
                f" {facts.problem}\n"
                f"Start the worker with a {URL} that leads there from its machine."
            )
        if not facts.database:
            raise BenchError(
                f"the cluster's worker {place.address} has no {URL}.\n"
                f"Start it with one, for jobs carry no secrets: {URL}=postgresql://... dask worker"
            )
        if row and facts.database != row[0]:
            raise BenchError(
                f"the {URL} of the cluster's worker {place.address} leads to another database.\n"
                f"Start the worker with the URL of {database.safe_url}."
            )


def _spread(places: list[Place]) -> list[Place]:
    """Return the workers in an order in which machines alternate."""
    machines: dict[tuple[str | None, str], list[Place]] = defaultdict(list)
    for place in sorted(places, key=lambda place: place.address):
        machines[place.facts.machine.name, place.facts.kernel].append(place)
    rows = zip_longest(*machines.values())
    return [place for row in rows for place in row if place]


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:200]
