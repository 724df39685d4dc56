"""What was proved of a way of fetching, as results keep it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from bench.case import Case


@dataclass(frozen=True)
class Proof:
    """One failure, one early stop and one session held, of `get_customers` fetched in a way."""

    case: Case
    failing_row: int
    """The row, from 1, that the server fails at, in a read of all customers."""
    delivered: int | None
    """How many rows before it the reader had been given; None where it could not be asked."""
    early_ns: int
    """From the start of a read of all customers until its reader had ten rows, and had left."""
    stop_ns: int
    """The leaving alone; 0 for a buffered fetch, which nobody leaves early."""
    state_after: str
    """What the server says of the connection then: `idle`, if it is clean."""
    held_ns: int
    """How long the session was kept to make dicts of (up to) 10,000 rows: a buffered fetch gives
    it back before."""
    total_ns: int
    """Until the last dict was made."""

    @property
    def clean(self) -> bool:
        """True when the next user of the connection finds no transaction and no rows in it."""
        return self.state_after == "idle"

    @property
    def batch(self) -> int | None:
        """Rows that came at a time, as far as the failure tells: 1, or the batch that it broke."""
        return self.failing_row - self.delivered if self.delivered else None

    def as_dict(self) -> dict[str, Any]:
        return {"kind": "proof", **vars(self), "case": self.case.as_dict(), "key": self.case.key}

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> Self:
        fields = {name: line[name] for name in cls.__dataclass_fields__ if name != "case"}
        return cls(Case.from_dict(line["case"]), **fields)
