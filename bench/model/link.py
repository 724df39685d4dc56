"""A link: the network that a run puts between the client and the server."""

import re
from dataclasses import asdict, dataclass
from math import inf
from typing import Any, Self

from bench.model.errors import UsageError

_UNITS_NS = {"us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(us|µs|ms|s)", re.ASCII | re.IGNORECASE)
_BANDWIDTH = re.compile(r"(\d+(?:\.\d+)?)\s*([kMG]?)(bit|B)(?:/s)?")
_FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}

SHORTEST_NS = 100_000
"""The shortest round trip above 0 that can be asked for, in ns. A message takes the proxy some tens
of microseconds by itself, once each way: a shorter one could not be kept."""

LONGEST_NS = 10_000_000_000
"""The longest round trip that can be asked for, in ns: no network between is slower."""


@dataclass(frozen=True)
class Link:
    """A network between client and server; the default one adds nothing."""

    latency_ns: int = 0
    """Time of a round trip, half of it each way."""
    jitter_ns: int = 0
    """Largest deviation of a round trip from `latency_ns`, drawn uniformly for each message."""
    bytes_per_s: float | None = None
    """Bandwidth each way, shared by all connections; None: as much as the machine can do."""

    @property
    def is_direct(self) -> bool:
        """Whether nothing is put between client and server."""
        return self == Link()

    @property
    def order(self) -> tuple[float, float, float]:
        """The key that sorts links from the fastest network to the slowest."""
        return self.latency_ns, self.jitter_ns, 1 / (self.bytes_per_s or inf)

    def __str__(self) -> str:
        """Return the link as options spell it: `1ms`, `1ms jitter 0.2ms 100Mbit/s`."""
        words = [_short(self.latency_ns)]
        if self.jitter_ns:
            words.append(f"jitter {_short(self.jitter_ns)}")
        if self.bytes_per_s is not None:
            words.append(f"{self.bytes_per_s * 8 / 1e6:g}Mbit/s")
        return " ".join(words)

    def as_dict(self) -> dict[str, Any] | None:
        """Return the fields that are set; None for a link that adds nothing."""
        return {name: value for name, value in asdict(self).items() if value} or None

    def options(self) -> list[tuple[str, str]]:
        """Return the options of `bench run` that ask for this link, without `--`."""
        if self.is_direct:
            return [("latency", "0")]
        given = [("latency", f"{self.latency_ns / 1e6:g}ms")]
        if self.jitter_ns:
            given.append(("jitter", f"{self.jitter_ns / 1e6:g}ms"))
        if self.bytes_per_s:
            given.append(("bandwidth", f"{self.bytes_per_s * 8 / 1e6:g}Mbit"))
        return given

    @classmethod
    def parse(cls, latency: str, jitter: str = "0", bandwidth: str = "") -> Self:
        """Return the link of the three options' texts. Raises `UsageError` for another form."""
        latency_ns, jitter_ns = duration_ns(latency), duration_ns(jitter)
        if 0 < latency_ns < SHORTEST_NS:
            raise UsageError(
                f"a latency of {latency} is below what the proxy can do: it takes that long itself."
                f"\nChoose 0 for no network between, or at least {SHORTEST_NS // 1_000}us."
            )
        if jitter_ns > latency_ns:
            raise UsageError(
                f"a jitter of {jitter} is more than the latency of {latency}: a message would"
                " arrive before it was sent.\nChoose a smaller --jitter."
            )
        return cls(latency_ns, jitter_ns, bytes_per_s(bandwidth) if bandwidth else None)


def _short(duration_ns: int) -> str:
    return f"{duration_ns / 1e3:g}us" if 0 < duration_ns < 100_000 else f"{duration_ns / 1e6:g}ms"


def duration_ns(text: str) -> int:
    """Return `0`, `250us`, `0.5ms` or `1s` in ns. Raises `UsageError` for another form."""
    if re.fullmatch(r"0+(\.0+)?", text.strip()):
        return 0
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"{text!r} is no duration.\nWrite a number and its unit: 250us, 0.5ms, 1s."
        )
    value = round(float(found[1]) * _UNITS_NS[found[2].lower()])
    if value > LONGEST_NS:
        raise UsageError(f"{text} is too long.\nChoose at most {LONGEST_NS // 10**9} s.")
    return value


def bytes_per_s(text: str) -> float:
    """Return `100Mbit`, `1Gbit/s` or `1kB/s` in bytes a second.

    Raises `UsageError` for another form.
    """
    found = _BANDWIDTH.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise UsageError(
            f"{text!r} is no bandwidth.\nWrite it as 100Mbit, 1Gbit or 10MB (a second)."
        )
    return float(found[1]) * _FACTORS[found[2]] / (8 if found[3] == "bit" else 1)
