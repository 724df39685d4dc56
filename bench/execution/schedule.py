"""The order of turns: generations of worker processes, groups of clients, shuffled rounds."""

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from bench.measure.job import ClientsKey, clients_key
from bench.model.case import Case
from bench.model.workload import WORKLOADS

Clients = tuple[str, ClientsKey]
"""Name of a worker process, and the key of clients that it keeps."""


def clients_of(case: Case) -> Clients:
    """Return the clients that perform the case."""
    return case.process, clients_key(case)


def next_beside(cases: Sequence[Case], working: Collection[Case]) -> Case | None:
    """Return the case to begin while others are at work, for work that is not timed.

    No two share a process. No two that write are at work together, because both would write the
    same rows; and no two behind PgBouncer, because they would wait for each other. Such cases begin
    first, while there are others to be beside them. None: each has to wait.
    """

    def writes(case: Case) -> bool:
        return WORKLOADS[case.workload].writes

    def clash(one: Case, other: Case) -> bool:
        return (
            one.process == other.process
            or (writes(one) and writes(other))
            or (one.pool.behind_pgbouncer and other.pool.behind_pgbouncer)
        )

    possible = [case for case in cases if not any(clash(case, other) for other in working)]
    return max(possible, key=lambda case: writes(case) or case.pool.behind_pgbouncer, default=None)


def parts_of(case: Case) -> dict[Clients, int]:
    """Return the clients of each process that performs the case, and the number of them."""
    key = clients_key(case)
    return {
        (name, key): len(case.clients_of(number)) for number, name in enumerate(case.process_names)
    }


def generations(rounds: int, most: int) -> list[range]:
    """Return the round numbers of each generation: neighbours, shared out as evenly as possible."""
    amount = min(most, rounds)
    bounds = [rounds * number // amount for number in range(amount + 1)]
    return [range(*pair) for pair in pairwise(bounds)]


def groups(
    cases: Iterable[Case], connections: Callable[[Case], int], capacity: int
) -> list[list[Case]]:
    """Return the cases in groups whose clients can all be open at the same time.

    Cases of one concurrency, session scope and transactions stay together: these are compared.
    `connections` returns the number that the clients of a case hold. Clients that need more than
    `capacity` by themselves make a group of their own, and are opened in turn.
    """
    placed: list[tuple[int, list[Case]]] = []
    compared = _compared(cases)
    needed = {id(members): _needed(members, connections) for members in compared}
    for members in sorted(compared, key=lambda members: needed[id(members)], reverse=True):
        for place, (used, group) in enumerate(placed):
            if used + needed[id(members)] <= capacity:
                placed[place] = (used + needed[id(members)], group + members)
                break
        else:
            placed.append((needed[id(members)], members))
    return [group for _, group in placed]


def most_held(cases: Iterable[Case], connections: Callable[[Case], int]) -> int:
    """Return the connections with which the clients of all cases that are compared stay open."""
    return max((_needed(members, connections) for members in _compared(cases)), default=0)


def shuffled(cases: Sequence[Case], seed: int, round_number: int) -> list[list[Case]]:
    """Return the cases of a round in a random order, the same for the same seed and round.

    Those that differ in their backend alone are together, so that little time lies between two that
    are compared. Their order is random too.
    """
    draw = random.Random(f"{seed}/{round_number}")
    questions: dict[Case, list[Case]] = {}
    for case in cases:
        question = replace(case, backend="", loop="none", twin=False)
        questions.setdefault(question, []).append(case)
    for members in questions.values():
        draw.shuffle(members)
    asked = list(questions.values())
    draw.shuffle(asked)
    return asked


def _compared(cases: Iterable[Case]) -> list[list[Case]]:
    kinds: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        kind = (case.concurrency, case.session_scope, case.transactions)
        kinds.setdefault(kind, []).append(case)
    return list(kinds.values())


def _needed(cases: Iterable[Case], connections: Callable[[Case], int]) -> int:
    return sum({clients_of(case): connections(case) for case in cases}.values())


class OpenClients:
    """The clients that worker processes keep open, and the connections that they hold."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: dict[Clients, int] = {}

    def use(self, clients: Clients, connections: int) -> list[Clients]:
        """Count these clients as open, and return those to close before they open.

        They are the least recently used ones, and no more than have to be.
        """
        self._held[clients] = self._held.pop(clients, connections)
        to_close = []
        for other in list(self._held):
            if sum(self._held.values()) <= self._capacity or other == clients:
                break
            to_close.append(other)
            del self._held[other]
        return to_close

    def others(self, *clients: Clients) -> list[Clients]:
        """Count no other clients as open, and return them, to be closed."""
        others = [other for other in self._held if other not in clients]
        self._held = {known: self._held[known] for known in clients}
        return others

    def drop(self, clients: Clients) -> bool:
        """Count these clients as closed. Return whether they were open."""
        return self._held.pop(clients, None) is not None

    def forget(self, process: str) -> None:
        """Count no client of this process as open: it was ended."""
        self._held = {key: count for key, count in self._held.items() if key[0] != process}
