"""Links: the texts of --latency, --jitter and --bandwidth."""

import pytest

from bench.model.errors import UsageError
from bench.model.link import Link, bytes_per_s, duration_ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [("0", 0), ("250us", 250_000), ("0.5ms", 500_000), ("2 ms", 2_000_000), ("1s", 10**9)],
)
def test_a_duration_has_a_unit(text: str, ns: int) -> None:
    assert duration_ns(text) == ns


@pytest.mark.parametrize("text", ["1", "ms", "-1ms", "1m", "1e3ms", "nan", "11s", "", "\u0661ms"])
def test_another_duration_is_refused_with_two_lines(text: str) -> None:
    """Defect: a bare number could be taken as seconds or as milliseconds."""
    with pytest.raises(UsageError) as error:
        duration_ns(text)
    assert len(str(error.value).splitlines()) == 2


def test_a_bandwidth_is_in_bits_or_bytes() -> None:
    """Defect: 1kB/s was refused, though figures of disks and downloads are in bytes."""
    assert bytes_per_s("1kB/s") == 1000
    assert bytes_per_s("2.5MB") == 2_500_000
    assert bytes_per_s("100Mbit") == 12_500_000
    assert bytes_per_s("1Gbit/s") == 125_000_000


@pytest.mark.parametrize("text", ["100", "100MiB", "0MB", "0Mbit", "-1Mbit", "fast"])
def test_another_bandwidth_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        bytes_per_s(text)


def test_a_link_is_shown_as_its_options_are_written() -> None:
    assert str(Link.parse("0.5ms")) == "0.5ms"
    assert str(Link.parse("2ms", "0.2ms", "100Mbit")) == "2ms jitter 0.2ms 100Mbit/s"
    assert Link.parse("0").is_direct


def test_jitter_above_the_latency_is_refused() -> None:
    """Defect: a message would have arrived before it was sent."""
    with pytest.raises(UsageError, match="--jitter"):
        Link.parse("1ms", "2ms")


def test_a_latency_below_what_the_proxy_can_do_is_refused() -> None:
    """Defect: 20 us were accepted, and the messages arrived after three times as long."""
    with pytest.raises(UsageError, match="below what the proxy can do") as error:
        Link.parse("20us")
    assert len(str(error.value).splitlines()) == 2
    assert Link.parse("100us").latency_ns == 100_000
