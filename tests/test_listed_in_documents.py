"""Lists in documents name all that is there: commands with an option, charts, studies."""

import re

import click
import pytest

from bench.cli.main import cli
from tests.root import ROOT


def text_of(name: str) -> str:
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--admin-url", r"lead to the same database\. (.*?) have this option"),
        ("--connect", r"\(group `engine`\), for (.*?)\. Names and types"),
    ],
)
def test_every_command_with_the_option_is_named(option: str, sentence: str) -> None:
    """Forbid a list of six commands where ten have the option."""
    listed = re.search(sentence, text_of("connecting.md"))
    assert listed
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    having = {
        name
        for name, command in commands.items()
        if command and any(option in parameter.opts for parameter in command.params)
    }
    assert {word.removeprefix("bench ") for word in re.findall("`(.*?)`", listed[1])} == having


def test_every_kind_of_chart_is_described() -> None:
    """Forbid a chart that the format does not name, such as `latency-to-server`."""
    described = set(re.findall(r"`([a-z-]+?)-?(?:<workload>)?`", text_of("results-format.md")))
    drawn = {path.stem for path in ROOT.glob("results/reference*/charts/*.png")}
    assert drawn
    assert {re.sub(r"-?(get_\w+|mixed)$", "", name) for name in drawn} <= described


def test_every_study_is_in_the_tree() -> None:
    tree = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    studies = [path.parent.name for path in (ROOT / "bench" / "studies").glob("*/__init__.py")]
    assert studies
    assert [name for name in studies if f"    {name}/ " not in tree] == []
