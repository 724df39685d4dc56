"""The memory that an answer takes in a client, and the limits that follow from it."""

from collections.abc import Callable, Sequence

from bench.model.errors import BenchError
from bench.model.fetch import Fetch
from bench.model.units import BYTES, with_unit
from bench.studies.query.question import Subject
from bench.system.free_memory import free_bytes

SHARE = 0.5
"""The share of the free memory that answers may take: other programs and the server need some."""
NOTED_BYTES = 50_000_000
"""The size of an answer from which its memory is said before it is measured."""


def check_room(
    subjects: Sequence[Subject],
    fetches: Sequence[Fetch],
    concurrency: Sequence[int],
    free: Callable[[], int] = free_bytes,
) -> tuple[tuple[int, ...], str]:
    """Return the concurrencies to measure, and a sentence on the memory if the answer is large.

    `fetches` and `concurrency` are those that the user named. An empty result keeps the default;
    for a large answer that is one client.

    Raises `BenchError` if a buffered answer does not fit into half of the free memory, for each of
    the clients that were asked for.
    """
    if fetches and not any(fetch.mode in ("buffered", "iterated") for fetch in fetches):
        return tuple(concurrency), ""
    questions = [question for subject in subjects for question in subject.questions]
    one = max((question.buffered_bytes for question in questions), default=0)
    room = int(free() * SHARE)
    takes = f"a buffered answer takes about {with_unit(one, BYTES)} of a client's memory"
    limit = f"half of the free memory is {with_unit(room, BYTES)}"
    most = max(concurrency, default=1)
    if one * most > room:
        clients = f", and {most} clients hold one each" if most > 1 else ""
        lower = "lower --concurrency" if most > 1 and one <= room else "choose --fetch batched:1000"
        raise BenchError(f"{takes}{clients}; {limit}.\nAdd a LIMIT, or {lower}.")
    if one < NOTED_BYTES:
        return tuple(concurrency), ""
    return tuple(concurrency) or (1,), (
        f"{takes}; {limit}, so at most {room // one} are held at once. --concurrency: "
        f"{','.join(map(str, concurrency or (1,)))}."
    )


def at_once(buffered_bytes: int, processes: int) -> int:
    """Return how many processes may hold such an answer at the same time: at least one."""
    if buffered_bytes < NOTED_BYTES:
        return processes
    return max(1, min(processes, int(free_bytes() * SHARE) // buffered_bytes))
