"""The entries that the probes of streaming add to a results file, and the lines that read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bench.results.entries import ProbeResult
from bench.results.header import Count
from bench.results.schema import EntryLine, Place


@dataclass(frozen=True)
class Proof(ProbeResult):
    """The proof of a stream, for one function and fetch: a late failure, an early stop, a hold."""

    kind: ClassVar[str] = "proof"
    failing_row: int
    """Number of the row, from 1, at which the server fails: a customer, a line of the orders' join,
    or for the ORM an order. The read has all customers, or as many lines as the case has rows."""
    delivered: int | None
    """Number of rows that the reader got before the failure; None if it could not be measured."""
    early_ns: int | None
    """Time from the start of a read until the reader had ten rows and had left; None for a buffered
    fetch, which cannot be left early. Up to format 2, the time of the whole fetch."""
    stop_ns: int | None
    """Time of leaving the read."""
    state_after: str
    """State of the connection afterwards, from the server: `idle` if it is clean."""
    held_ns: int
    """Time for which the session was held to make dicts of up to 10,000 rows. A buffered fetch
    returns the session before that."""
    total_ns: int
    """Time until the last dict was made."""

    @property
    def gave_rows(self) -> bool | None:
        """Whether rows came before the failure. None if it was not measured, or if the failure may
        be in the first batch, where a stream gives no rows either."""
        in_first = self.failing_row <= self.case.fetch.at_a_time
        if self.delivered is None or (
            self.delivered == 0 and in_first and self.case.fetch.mode != "buffered"
        ):
            return None
        return self.delivered > 0

    @property
    def clean(self) -> bool:
        """Whether the connection is free of a transaction and of rows for its next user."""
        return self.state_after == "idle"

    @property
    def batch(self) -> int | None:
        """Rows per batch, as the failure shows: 1, or the size of the batch that failed."""
        return self.failing_row - self.delivered if self.delivered else None


@dataclass(frozen=True)
class BareLoop(ProbeResult):
    """Times of one stream, read in pairs by the harness and by the shortest possible loop."""

    kind: ClassVar[str] = "bare"
    rows: int
    harness_ns: Sequence[int]
    bare_ns: Sequence[int]


class ProofLine(EntryLine, tag=Proof.kind):
    """A line of kind `proof`."""

    failing_row: Place
    delivered: Count | None
    early_ns: Count | None
    stop_ns: Count | None
    state_after: str
    held_ns: Count
    total_ns: Count

    def entry(self) -> Proof:
        return Proof(**self.fields())


class BareLine(EntryLine, tag=BareLoop.kind):
    """A line of kind `bare`."""

    rows: Count
    harness_ns: list[Count]
    bare_ns: list[Count]

    def entry(self) -> BareLoop:
        if len(self.harness_ns) != len(self.bare_ns):
            raise ValueError("harness_ns and bare_ns differ in length")
        return BareLoop(**self.fields())
