"""The plan for a user's statement: the ways of fetching, the clients and the rounds by default.

A statement of a few milliseconds has its answer in less than a minute, without any option.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from accessors import DiscoveredBackend
from bench.model.case import LARGE, Case
from bench.model.declared import MANY_ROWS
from bench.model.fetch import Fetch
from bench.model.plan import Plan, plan
from bench.model.profiles import Block, Factors, Profile
from bench.model.window import window_s
from bench.studies.query.question import Subject

ROUNDS = 12
SECONDS = 0.05
SECONDS_OF_LONG_OPERATIONS = 0.1
"""The length of a window that would have few operations: a collection of garbage is a large share
of it then."""
WARM_UP_S = 0.03
GENERATIONS = 2
"""The same as in the quick profile: each costs some seconds."""

FEWER_ROUNDS = 6
"""The rounds of a plan that would take longer than `LONG_S`. A verdict needs no more."""
LONG_S = 30.0
"""The seconds of windows from which a plan has fewer rounds."""
WRITING_SECONDS = 0.2
"""The length of a window if rows are brought back after it, which takes as long or longer."""

CONCURRENCY = (1, 16)
CONCURRENCY_OF_LONG_OPERATIONS = (1, 4)
FETCHES_OF_LARGE_ANSWERS = (Fetch(), Fetch("batched", 1000))
FETCHES_OF_MANY_ROWS = (Fetch(), Fetch("streamed"), Fetch("batched", 1000))

SLOW_NS = 5_000_000
"""The server's time from which an operation is long: sixteen clients wait for the processors."""
VERY_SLOW_NS = 100_000_000
"""The server's time from which one client is measured: windows would have to be of seconds."""
CLIENT_NS_A_ROW = 2_000
"""About what a row costs a client, in the middle of the libraries. It only predicts windows."""


def default_fetches(rows: int) -> tuple[Fetch, ...]:
    """Return the ways of fetching to measure if none is named: all that matter for so many rows."""
    if rows >= LARGE:
        return FETCHES_OF_LARGE_ANSWERS
    return FETCHES_OF_MANY_ROWS if rows >= MANY_ROWS else (Fetch(),)


def default_concurrency(rows: int, execution_ns: int = 0) -> tuple[int, ...]:
    """Return the concurrencies to measure if none is given: fewer clients for long operations.

    Sixteen large answers fill a memory, and sixteen long operations wait for the processors.
    `execution_ns`: the server's time of one execution.
    """
    if rows >= LARGE or execution_ns >= VERY_SLOW_NS:
        return CONCURRENCY[:1]
    if rows >= MANY_ROWS or execution_ns >= SLOW_NS:
        return CONCURRENCY_OF_LONG_OPERATIONS
    return CONCURRENCY


def planned(
    subjects: Sequence[Subject],
    backends: Mapping[str, DiscoveredBackend],
    factors: Factors,
    *,
    rounds: int | None = None,
    seconds: float | None = None,
    warm_up_s: float = WARM_UP_S,
) -> Plan:
    """Return the cases for these workloads, which must be declared.

    Without `rounds`, a plan whose windows would take longer than `LONG_S` has `FEWER_ROUNDS`, and
    so has one of workloads that write. Windows are of `seconds`, or as long as suits the workloads.
    """
    writes = any(subject.kept for subject in subjects)
    takes_long = any(_concurrency(subject) != CONCURRENCY for subject in subjects)
    usual_s = SECONDS_OF_LONG_OPERATIONS if takes_long else SECONDS
    orm = any(question.orm for subject in subjects for question in subject.questions)
    profile = Profile(
        "query",
        "what does my statement cost through each library?",
        tuple(block for subject in subjects for block in _blocks(subject, backends)),
        rounds=rounds or (FEWER_ROUNDS if writes else ROUNDS),
        seconds=seconds or (WRITING_SECONDS if writes else usual_s),
        warm_up_s=warm_up_s,
        leaves_out=""
        if orm or any(subject.units for subject in subjects)
        else "the ORM, which reads mapped classes and not SQL text",
        generations=GENERATIONS,
    )
    made = plan(profile, backends, factors)
    if rounds is None and windows_s(made, subjects) > LONG_S:
        return replace(made, profile=replace(profile, rounds=FEWER_ROUNDS))
    return made


def _blocks(subject: Subject, backends: Mapping[str, DiscoveredBackend]) -> list[Block]:
    """Return the cases of one workload: streams of one client, and buffered answers of several."""
    without = tuple(
        name
        for name, found in backends.items()
        if found.backend and not subject.taken_by(found.backend)
    )
    fetches = (Fetch(),) if subject.units else default_fetches(subject.rows)
    concurrency = _concurrency(subject)
    one = Block((subject.name,), fetches, concurrency[:1], without=without)
    if not concurrency[1:]:
        return [one]
    return [one, replace(one, fetches=fetches[:1], concurrency=concurrency[1:])]


def _concurrency(subject: Subject) -> tuple[int, ...]:
    return default_concurrency(subject.rows, subject.execution_ns)


def windows_s(made: Plan, subjects: Sequence[Subject]) -> float:
    """Return about the seconds that all windows of the plan take together.

    An operation takes the server's time and that of a client's rows; clients share the processors.
    """
    by_name = {subject.name: subject for subject in subjects}
    processors = os.cpu_count() or 1
    total_s = 0.0
    for case in made.cases:
        subject = by_name[case.workload]
        work_s = (subject.execution_ns + CLIENT_NS_A_ROW * subject.rows) / 1e9
        latency_s = work_s * max(1.0, case.concurrency / processors)
        total_s += max(work_s, window_s(latency_s, made.profile.seconds, case.concurrency))
    return total_s * made.profile.rounds


def plainest(cases: Iterable[Case]) -> list[Case]:
    """Return the cases that show best where the time goes: clients wait least for each other.

    They are those of each workload's lowest concurrency, fastest network and first way of fetching,
    without twins.
    """
    usual = [case for case in cases if not case.twin]
    least: dict[str, tuple[int, tuple[float, float, float], Fetch]] = {}
    for case in usual:
        own = (case.concurrency, case.link.order, case.fetch)
        least[case.workload] = min(own, least.get(case.workload, own))
    return [
        case
        for case in usual
        if (case.concurrency, case.link.order, case.fetch) == least[case.workload]
    ]


def taking(
    backends: Mapping[str, DiscoveredBackend], subjects: Sequence[Subject]
) -> tuple[dict[str, DiscoveredBackend], list[str]]:
    """Return the backends that take one of the workloads, and the names of the others.

    Without a workload: the backends that take SQL text.
    """
    taken, others = {}, []
    for name, found in backends.items():
        backend = found.backend
        if subjects:
            takes = backend is not None and any(s.taken_by(backend) for s in subjects)
        else:
            takes = backend is not None and backend.placeholders is not None
        if takes:
            taken[name] = found
        else:
            others.append(name)
    return taken, others
