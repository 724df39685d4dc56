"""The sessions of noxfile.py cover what pyproject.toml and the code promise."""

import ast
import re
import tomllib
from typing import Any

import pytest

from bench.server.database import OLDEST_SERVER
from bench.server.programs import MAJOR_VERSION
from tests.root import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIRED = [
    requirement
    for requirement in [
        *PROJECT["dependencies"],
        *(line for name in EXTRAS for line in EXTRAS[name]),
    ]
    if requirement not in EXTRAS["dev"] and not requirement.startswith("gatherbench")
]
"""The requirements of the program and its tests: all but the tools of development."""


def constant(name: str) -> Any:
    """Return the literal that noxfile.py gives to a name; nox itself may not be installed."""
    for statement in ast.parse((ROOT / "noxfile.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            return ast.literal_eval(statement.value)
    raise LookupError(name)


def test_a_server_of_every_version_can_be_brought() -> None:
    """Forbids to accept a server that no session tests."""
    servers = constant("SERVERS")
    assert list(servers) == list(range(OLDEST_SERVER, MAJOR_VERSION))
    assert all(version.startswith(f"{major}.") for major, version in servers.items())


def test_the_oldest_python_is_tested() -> None:
    """Forbids to admit a Python that no classifier names: sessions are made of those."""
    pattern = re.compile(r"Programming Language :: Python :: (3\.\d+)")
    versions = [found[1] for name in PROJECT["classifiers"] if (found := pattern.fullmatch(name))]
    assert PROJECT["requires-python"] == f">={versions[0]}"


@pytest.mark.parametrize("requirement", REQUIRED)
def test_a_requirement_has_a_lower_bound(requirement: str) -> None:
    """Forbids a requirement for which the session `lowest` takes the first release there was."""
    ours = requirement.startswith(("gatherbench", "session-guard"))  # beside it in the checkout
    assert ours or re.search(r">=\d", requirement)
