"""Summaries made from given figures, for simulations of what is computed from them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bench.analysis.rounds import Round
from bench.analysis.stats import median_over_rounds
from bench.analysis.summary import Summary, of_case
from bench.model.case import Case
from bench.model.profiles import POINT_READ


def round_of(number: int, **figures: Any) -> Round:
    """Return a round with these figures, and none of the others."""
    nothing: dict[str, Any] = {
        "operations": 1,
        "errors": {},
        "throughput_per_s": 0.0,
        "throughput_bounds_per_s": (0.0, 0.0),
        "rows_per_s": 0.0,
        "latency_ns": {},
        "first_row_p50_ns": None,
        "client_cpu_ns": None,
        "server_cpu_ns": None,
        "gc_ns": None,
        "loop_stall_max_ns": None,
        "loop_stall_p99_ns": None,
        "fewest_operations": 1,
        "most_operations": 1,
    }
    return Round(number=number, **nothing | figures)


def of_throughput(name: str, values: Mapping[int, float]) -> Summary:
    """Return a backend's point read with a throughput for each round, by its number."""
    rounds = tuple(round_of(number, throughput_per_s=value) for number, value in values.items())
    figure = median_over_rounds(list(values.values()))
    empty = of_case(Case(name, POINT_READ), [], [], [])
    return replace(empty, rounds=rounds, throughput_per_s=figure)
