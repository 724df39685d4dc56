"""What came of all trials of one way: counts, as they stand in a lesson's file."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

from bench.studies.lessons.outcome import Evidence, Outcome, classify


@dataclass(frozen=True)
class TrialTally:
    """Counts over the trials of one way of a mistake."""

    outcomes: Mapping[str, int]
    """How many trials ended so, by `Outcome`; those that never happened are left out."""
    untrue: int
    """In how many trials what was told is not what the data say, with or without an exception."""
    says: Mapping[str, int]
    """What was told and what the data say, in words, the commonest first."""
    failures: Sequence[Mapping[str, Any]]
    """Each kind of exception, with `kind`, `code`, `message` and `count`, the commonest first."""
    left_in_transaction: int
    not_returned: int
    at_once: int | None
    """The median over trials."""
    elapsed_ns: int
    """The median over trials."""
    caught_late: int = 0
    """The number of trials that were caught at the borrower's next use."""

    @property
    def trials(self) -> int:
        return sum(self.outcomes.values())

    @property
    def main(self) -> Outcome:
        """What happened most often."""
        return Outcome(max(self.outcomes, key=lambda name: self.outcomes[name]))

    def count(self, outcome: Outcome) -> int:
        return self.outcomes.get(outcome.value, 0)

    @classmethod
    def of(cls, evidence: Sequence[Evidence]) -> Self:
        """Of one trial or more."""
        failures = Counter(failure for one in evidence for failure in one.failures)
        asked = [one.at_once for one in evidence if one.at_once is not None]
        return cls(
            outcomes=_counted(classify(one).value for one in evidence),
            untrue=sum(not one.agrees for one in evidence),
            says=_counted(one.says for one in evidence),
            failures=[{**asdict(kind), "count": count} for kind, count in failures.most_common()],
            left_in_transaction=sum(one.left_in_transaction for one in evidence),
            not_returned=sum(one.not_returned for one in evidence),
            at_once=round(median(asked)) if asked else None,
            elapsed_ns=round(median(one.elapsed_ns for one in evidence)),
            caught_late=sum(one.caught_late for one in evidence),
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _counted(words: Any) -> dict[str, int]:
    return dict(Counter(words).most_common())
