"""LICENSE, CHANGELOG.md, CONTRIBUTING.md and the pre-commit hooks agree with the project."""

import re
import subprocess
import tomllib

import pytest
import yaml

from tests.documents import ROOT, blocks

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HEADINGS = re.findall(
    r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
)


def test_the_newest_version_of_the_changelog_is_the_projects() -> None:
    """Forbids a release that the changelog doesn't know."""
    (unreleased, _), (newest, date), *_ = HEADINGS
    assert unreleased == "Unreleased"
    assert newest == PROJECT["version"]
    assert date


def test_the_versions_of_the_changelog_go_down() -> None:
    versions = [tuple(map(int, version.split("."))) for version, _ in HEADINGS[1:]]
    assert versions == sorted(set(versions), reverse=True)


def test_the_license_is_the_declared_one() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert PROJECT["license"] == "MIT"
    assert PROJECT["license-files"] == ["LICENSE"]
    assert text.startswith("MIT License\n")
    assert "gatherbench contributors" in text


def test_the_hooks_are_the_commands_of_make_check() -> None:
    """Forbids a commit that pre-commit lets pass and `make check` refuses."""
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe
    commands = [line.removeprefix("\t").removeprefix("@") for line in recipe[1].splitlines()]
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == commands
    assert all(hook["always_run"] and not hook["pass_filenames"] for hook in repository["hooks"])


def documented_pytests() -> list[str]:
    text = "\n".join(blocks(ROOT / "CONTRIBUTING.md", "bash"))
    return [line for line in text.splitlines() if "pytest" in line]


@pytest.mark.parametrize("line", documented_pytests())
def test_a_documented_pytest_command_finds_tests(line: str) -> None:
    done = subprocess.run(
        f"{line} --collect-only -q", shell=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
