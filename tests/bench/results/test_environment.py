"""The host facts of a header, from the real machine."""

from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

from accessors import BUILTIN, Found, load
from bench.results.environment import describe
from bench.results.environment import host as describe_host
from tests.installed import INSTALLED

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


def test_the_versions_are_of_the_packages_that_hold_the_modules() -> None:
    """Forbids a version of another package: a module need not have its package's name.

    `packages_distributions()` is the standard's answer, and too slow for each run.
    """
    owners = packages_distributions()
    found = {name: Found(name, BUILTIN[name], load(name)) for name in INSTALLED}
    for name, facts in describe(found).items():
        backend = found[name].backend
        assert backend is not None
        packages = {owners[module][0] for module in backend.requires}
        assert facts.versions == {package: version(package) for package in packages}
    assert "psycopg2-binary" in describe(found)["psycopg2"].versions
