"""The counters of a link: round trips, bytes, and how late its messages were delivered."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counters:
    """Counts of one link since it was opened or its counters were last taken."""

    round_trips: int = 0
    """Answers of the server that began after a message of their client: the client waited for each.
    Messages that a client sends without waiting are one round trip together."""
    connections: int = 0
    bytes_to_server: int = 0
    bytes_to_client: int = 0
    late_us: Counter[int] = field(default_factory=Counter)
    """Number of messages by their delay beyond what was asked, in whole microseconds."""

    def as_dict(self) -> dict[str, Any]:
        """Return the counters in the types of JSON."""
        return {
            "round_trips": self.round_trips,
            "connections": self.connections,
            "bytes_to_server": self.bytes_to_server,
            "bytes_to_client": self.bytes_to_client,
            "late_p50_us": quantile(self.late_us, 0.5),
            "late_p99_us": quantile(self.late_us, 0.99),
        }


def quantile(counts: Counter[int], share: float) -> int | None:
    """Return the smallest value that at least this share of the counted values do not exceed."""
    below = 0
    for value in sorted(counts):
        below += counts[value]
        if below >= share * counts.total():
            return value
    return None
