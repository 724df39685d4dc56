"""The host facts of a header, from the real machine."""

from pathlib import Path

import pytest

from bench.results.environment import host as describe_host

CPUINFO = Path("/proc/cpuinfo")


def test_two_generations_of_one_name_are_told_apart() -> None:
    """Forbids equal host facts for two machines whose speed differs by half."""
    if not CPUINFO.exists() or "cpu family" not in CPUINFO.read_text():
        pytest.skip("this kernel does not tell")
    host = describe_host()
    assert host.cpu
    family, model = (part.split()[1] for part in (host.cpu_generation or "").split(", "))
    told = [line.split() for line in CPUINFO.read_text().splitlines() if line]
    assert ["cpu", "family", ":", family] in told
    assert ["model", ":", model] in told
