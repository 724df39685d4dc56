"""A way to fetch rows: all at once, row by row, or batch by batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, Self

from accessors.api import AnyBackend
from bench.model.errors import UsageError

Mode = Literal["buffered", "iterated", "streamed", "batched", "single-row"]

MODES: tuple[Mode, ...] = ("buffered", "iterated", "streamed", "batched", "single-row")

VERBS: Mapping[Mode, str] = {
    "buffered": "fetch_all",
    "iterated": "iterate",
    "streamed": "stream",
    "batched": "stream_batches",
    "single-row": "stream_single_rows",
}
"""The accessor method for each mode."""

MOST_BY_DEFAULT = 2_000
"""The largest batch that a library takes by default: psycopg2's itersize."""

MOST_AT_A_TIME = 2**31 - 1
"""The largest batch size that PostgreSQL's FETCH and every library accept."""

_IN_EVERY_LIBRARY = ("fetch_all", "stream", "stream_batches")


@dataclass(frozen=True)
class Fetch:
    """A way to fetch rows: all at once, row by row, or batch by batch.

    `iterated` and `single-row` are row by row too: `iterated` reads a client-side cursor, which
    holds all rows; `single-row` uses libpq's single-row mode (with a batch size: its chunked mode).
    """

    mode: Mode = "buffered"
    batch_size: int | None = None
    """Rows fetched from the server at a time; None is the library's default."""

    def __lt__(self, other: "Fetch") -> bool:
        def order(fetch: Fetch) -> tuple[int, int]:
            return MODES.index(fetch.mode), fetch.batch_size or 0

        return order(self) < order(other)

    def __str__(self) -> str:
        return self.mode if self.batch_size is None else f"{self.mode}:{self.batch_size}"

    @property
    def at_a_time(self) -> int:
        """The largest number of rows that arrive together."""
        return self.batch_size or MOST_BY_DEFAULT

    def offered_by(self, backend: AnyBackend) -> bool:
        """Return whether the library has this way to fetch."""
        return VERBS[self.mode] in (*_IN_EVERY_LIBRARY, *backend.also)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the fetch that the text names: `buffered`, `streamed`, `batched:1000`.

        Raises `UsageError` for any other text.
        """
        mode, _, size = text.partition(":")
        if mode not in MODES:
            close = get_close_matches(mode, MODES, n=1, cutoff=0.5)
            guess = f"did you mean {close[0]!r}? " if close else ""
            raise UsageError(f"no fetch named {text!r}: {guess}choose from {', '.join(MODES)}.")
        if not size:
            return cls(mode)
        is_number = size.isascii() and size.isdecimal() and size.strip("0")
        if mode in ("buffered", "iterated") or not is_number:
            raise UsageError(f"no fetch named {text!r}: write streamed:100 or batched:1000.")
        # int() raises ValueError for a number of thousands of digits.
        if len(size) > len(str(MOST_AT_A_TIME)) or int(size) > MOST_AT_A_TIME:
            raise UsageError(f"no fetch of so many rows at a time: at most {MOST_AT_A_TIME:,}.")
        return cls(mode, int(size))
