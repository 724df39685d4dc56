"""The schema of each lesson's results, which are `found` in its file."""

from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.json import Decoder

from bench.results.header import Amount, Count
from bench.results.schema import Place
from bench.studies.lessons.tally import TrialTally

Times = Annotated[list[Amount], Meta(min_length=1)]
"""Nanoseconds, one value for each round."""


class _Point(Struct):
    outcomes: dict[str, Count]
    exceptions: Count
    confirmed: Count
    lost: Count
    unasked: Count


class _ThinkingTime(Struct):
    thought_ms: Annotated[list[Count], Meta(min_length=1)]
    crowds: dict[str, list[_Point]]

    def __post_init__(self) -> None:
        if any(len(points) != len(self.thought_ms) for points in self.crowds.values()):
            raise ValueError("crowds needs a point for each value of thought_ms")


class _OneEngine(Struct):
    calls: Annotated[dict[str, Times], Meta(min_length=1)]
    open: dict[str, list[Count]]
    shown_calls: Place
    refusal: str | None

    def __post_init__(self) -> None:
        if any(len(counts) < self.shown_calls for counts in self.open.values()):
            raise ValueError("open has fewer calls than shown_calls")


class _CostOfTheRule(Struct):
    calls: Annotated[dict[str, Times], Meta(min_length=1)]
    crowds: Annotated[dict[str, Times], Meta(min_length=1)]


class _Answer(Struct):
    saw: str
    statements: Count
    warnings: list[str]
    count: Count


FOUND: dict[str, Decoder[Any]] = {
    "session-per-task": Decoder(dict[str, dict[str, TrialTally]]),
    "thinking-time": Decoder(_ThinkingTime),
    "one-engine": Decoder(_OneEngine),
    "cost-of-the-rule": Decoder(_CostOfTheRule),
    "workshop-questions": Decoder(
        dict[str, Annotated[list[_Answer], Meta(min_length=1)]],
    ),
}
"""Lesson -> the decoder of its `found`."""
