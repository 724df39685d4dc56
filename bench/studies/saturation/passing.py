"""The rule by which a window at a rate passes its objective."""

from bench.analysis.rounds import Round


def p99_ns(window: Round) -> int | None:
    """Return the p99 of the response; the maximum where there are too few samples for a p99.

    None if the rate was not held.
    """
    return window.latency_ns.get("p99", window.latency_ns.get("max"))


def passed(window: Round, objective_ns: int) -> bool:
    """Return whether the window held its rate, without an error and within the objective."""
    response_ns = p99_ns(window)
    return not window.errors and response_ns is not None and response_ns <= objective_ns
