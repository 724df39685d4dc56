"""The length of a window, and the heartbeats in it."""

import pytest

from bench.model.profiles import FINE_HEARTBEAT_S, HEARTBEAT_S, heartbeat_s
from bench.model.window import window_s


@pytest.mark.parametrize(
    ("latency_s", "seconds", "concurrency", "expected"),
    [
        (0.001, 0.05, 16, 0.05),
        (0.02, 0.05, 16, 0.2),
        (0.72, 0.05, 8, 2.0),
        (0.72, 1.0, 8, 4.0),
        (0.72, 60.0, 8, 60.0),
        (0.72, 0.05, 1, 0.05),
        (None, 0.05, 8, 0.05),
    ],
)
def test_a_window_holds_ten_operations_of_each_client_within_limits(
    latency_s: float | None, seconds: float, concurrency: int, expected: float
) -> None:
    """Forbids windows in which no throughput can be known, and windows of an hour."""
    assert window_s(latency_s, seconds, concurrency) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("latency_s", "concurrency", "expected"),
    [(0.01, 1, 0.3), (0.01, 2, 0.15), (0.01, 8, 0.1), (0.001, 1, 0.05), (1.0, 1, 2.0)],
)
def test_a_window_of_several_kinds_holds_thirty_operations(
    latency_s: float, concurrency: int, expected: float
) -> None:
    """Defect: one client's mix with one long operation of ten read up to 2.9 times the truth.

    Most of its windows had no long operation, and the median of rounds is one of them.
    """
    assert window_s(latency_s, 0.05, concurrency, mixed=True) == pytest.approx(expected)


def test_short_windows_of_many_rows_have_the_fine_heartbeat() -> None:
    """Defect: a stall of 50 ms in a window of 50 ms was read as 37 ms."""
    assert heartbeat_s(HEARTBEAT_S, 0.05, many_rows=True) == FINE_HEARTBEAT_S
    assert heartbeat_s(HEARTBEAT_S, 1.0, many_rows=True) == HEARTBEAT_S
    assert heartbeat_s(FINE_HEARTBEAT_S, 1.0, many_rows=False) == FINE_HEARTBEAT_S


def test_point_reads_keep_the_usual_heartbeat() -> None:
    """Forbids 1.3 times the CPU of a lone point read, from timers that wake a sleeping process."""
    assert heartbeat_s(HEARTBEAT_S, 0.05, many_rows=False) == HEARTBEAT_S
