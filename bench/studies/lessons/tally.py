"""The counts over all trials of one way, as a lesson's file has them."""

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
    """The number of trials by `Outcome`. Outcomes that did not occur are absent."""
    untrue: int
    """The number of trials where an answer contradicts the tables, also those that raised."""
    says: Mapping[str, int]
    """Sentences with the answers and the rows, and their counts, the most frequent first."""
    failures: Sequence[Mapping[str, Any]]
    """Each kind of exception, with `kind`, `code`, `message` and `count`, most frequent first."""
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
        """The most frequent outcome."""
        return Outcome(max(self.outcomes, key=lambda name: self.outcomes[name]))

    def count(self, outcome: Outcome) -> int:
        return self.outcomes.get(outcome.value, 0)

    @classmethod
    def of(cls, evidence: Sequence[Evidence]) -> Self:
        """Return the counts of one or more trials."""
        failures = Counter(failure for trial in evidence for failure in trial.failures)
        at_once = [trial.at_once for trial in evidence if trial.at_once is not None]
        return cls(
            outcomes=_counted(classify(trial).value for trial in evidence),
            untrue=sum(not trial.agrees for trial in evidence),
            says=_counted(trial.says for trial in evidence),
            failures=[{**asdict(kind), "count": count} for kind, count in failures.most_common()],
            left_in_transaction=sum(trial.left_in_transaction for trial in evidence),
            not_returned=sum(trial.not_returned for trial in evidence),
            at_once=round(median(at_once)) if at_once else None,
            elapsed_ns=round(median(trial.elapsed_ns for trial in evidence)),
            caught_late=sum(trial.caught_late for trial in evidence),
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _counted(words: Any) -> dict[str, int]:
    return dict(Counter(words).most_common())
