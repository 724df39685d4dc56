"""The garbage collector while it is measured: its time is seen, and what is frozen is out of it."""

import gc
import threading
import time
from collections.abc import Iterator

import pytest

from bench.measure.garbage_collector import CollectorClock
from bench.results.entries import Run
from tests.bench.measure.conftest import BOTH, Measure, again_while
from tests.bench.recording import record


@pytest.fixture
def thawed() -> Iterator[None]:
    """No other test of this process finds frozen what one has frozen."""
    yield
    gc.unfreeze()


@BOTH
def test_the_collectors_time_is_seen(measure: Measure, name: str) -> None:
    """Forbids to leave unseen what half of the ORM's time goes to."""
    record.act = lambda: (gc.collect(), None)[1]
    found = measure(name, warm_up_s=0.01)
    assert found.gc_ns is not None
    assert 0 < found.gc_ns < found.elapsed_ns
    gc.disable()
    try:
        record.act = lambda: None
        assert measure(name).gc_ns == 0
    finally:
        gc.enable()


def _spin(done: threading.Event) -> None:
    while not done.is_set():
        pass


def test_what_other_threads_do_meanwhile_is_not_collecting() -> None:
    """Forbids wall time: told of the end, a thread lets others run before it reads the clock."""
    done = threading.Event()
    others = [threading.Thread(target=_spin, args=(done,)) for _ in range(4)]
    for thread in others:
        thread.start()
    try:
        with CollectorClock() as clock:
            before = time.thread_time_ns()
            for _ in range(5):
                gc.collect()
            taken = time.thread_time_ns() - before
    finally:
        done.set()
    assert 0 < clock.ns <= taken


@BOTH
def test_nobody_listens_to_the_collector_after_a_run(measure: Measure, name: str) -> None:
    """Forbids a clock that every run adds, or that one leaves which could not start."""
    before = list(gc.callbacks)
    measure(name)
    record.refuse = lambda: 1 // 0  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        measure(name)
    assert gc.callbacks == before


@pytest.mark.usefixtures("thawed")
@BOTH
def test_a_frozen_case_is_frozen_from_the_start_line_on(measure: Measure, name: str) -> None:
    """Forbids to take a new interpreter for one with nothing frozen: Python 3.12 freezes some."""
    seen: list[int] = []
    at_first = gc.get_freeze_count()
    record.act = lambda: seen.append(gc.get_freeze_count())
    measure(name)
    assert set(seen) == {at_first}

    def measured_frozen() -> Run:
        gc.unfreeze()
        seen.clear()
        return measure(name, warm_up_s=0.02, frozen=True)

    gc.unfreeze()
    at_first = gc.get_freeze_count()
    found = again_while(lambda run: len(run.samples) == len(seen), measured_frozen)
    measured = seen[-len(found.samples) :]
    assert set(seen[: -len(measured)]) == {at_first}
    assert min(measured) > at_first + 10_000
