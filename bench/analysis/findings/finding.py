"""A finding, and the words that findings share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.analysis.stats import Interval
from bench.model.case import Case
from bench.model.profiles import POINT_READ
from bench.model.units import number


@dataclass(frozen=True)
class Finding:
    """A sentence made from the data, with its evidence."""

    topic: str
    """The heading of the finding."""
    sentence: str
    """Plain text, with names of code between backquotes."""
    evidence: str
    """The figures that support the sentence: medians, intervals, rounds."""
    cases: tuple[Case, ...] = ()
    """The cases that the finding needs; empty if it follows from the header alone."""


def times(ratio: Interval) -> str:
    """Return the median and its interval: `1.6x (1.31 to 1.84)`.

    The median has two digits, or three if two would lie outside the interval.
    """
    short = _two_digits(ratio.median)
    if ratio.low is None or ratio.high is None:
        return f"{short}x"
    if not ratio.low <= float(short.replace(",", "")) <= ratio.high:
        short = number(ratio.median)
    return f"{short}x ({number(ratio.low)} to {number(ratio.high)})"


def inverse(ratio: Interval) -> Interval:
    """Return the inverse ratio. It is exact, because ratios are computed from logarithms."""
    low = None if ratio.high is None else 1 / ratio.high
    high = None if ratio.low is None else 1 / ratio.low
    return Interval(1 / ratio.median, low, high, ratio.rounds)


def share(part: Interval) -> str:
    """Return a share and its interval in words: `97 % (95 to 98)`."""
    if part.low is None or part.high is None:
        return f"{part.median * 100:.0f} %"
    return f"{part.median * 100:.0f} % ({part.low * 100:.0f} to {part.high * 100:.0f})"


def rounds(count: int, *, paired: bool = True) -> str:
    return f"{count} {'paired ' if paired else ''}round{'' if count == 1 else 's'}"


def work(case: Case) -> str:
    """Return the work of a case, as the object of a sentence."""
    if case.workload == POINT_READ:
        return "a point read"
    size = "" if case.size is None else f"{case.size:,} row{'s' if case.size > 1 else ''} of "
    return f"{size}`{case.workload}`"


def conditions(case: Case) -> str:
    """Return the factors of a case with unusual values, each after a comma; empty without any.

    Backend, work, concurrency and processes are left out: the sentence has them.
    """
    plain = replace(case, backend="", concurrency=1, processes=1, size=None)
    unusual = plain.title.split(", ")[2:]
    return "".join(f", {words}" for words in unusual if words != "at 1")


def clients(case: Case) -> str:
    """Return the concurrency in words: `with 16 tasks`, `with one thread`."""
    kind = "thread" if case.loop == "none" else "task"
    return f"with one {kind}" if case.concurrency == 1 else f"with {case.concurrency} {kind}s"


def cases(count: int) -> str:
    return "one case" if count == 1 else f"{count:,} cases"


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """Return the words as a list in a sentence: `a`, `a and b`, `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def _two_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 9.5 else f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"
