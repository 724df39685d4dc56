"""The words of the code: what docstrings and help texts begin with, and words that are not used."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bench.cli.main import cli
from tests.root import ROOT

FOLDERS = ("accessors", "bench", "packages", "docs", "examples")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

FIRST_WORDS = re.compile(r"(Of|What|Whose|Where|How|Who|That|As)\b")
"""A docstring says what the thing does or is, so it begins with none of these."""

BANNED = re.compile(
    r"(?<!--)\b(befell|befall|nobody can't|no matter of|mood|is nobody's|are nobody's|whoever"
    r"|hereafter|thereof|lest|alas|colour of function|crowd|crew|patience|audience)\b",
    re.IGNORECASE,
)
"""Metaphors, archaisms, and words that the glossary replaces. An option's old name may stay."""


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every docstring, also those below a field."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        body = getattr(node, "body", None)
        for child in body if isinstance(body, list) else []:
            if (
                isinstance(child, ast.Expr)
                and isinstance(child.value, ast.Constant)
                and isinstance(child.value.value, str)
            ):
                yield child.lineno, child.value.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_begins_with_what_the_thing_does(path: Path) -> None:
    """Defect: 323 docstrings began with a question word, and left the reader to guess the rest."""
    assert [
        f"{line}: {text[:60]}" for line, text in docstrings(path) if FIRST_WORDS.match(text)
    ] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_banned_word_is_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [(text.count("\n", 0, word.start()) + 1, word[0]) for word in BANNED.finditer(text)]
    assert found == []


def help_texts(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    yield name, command.help or ""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield f"{name} {parameter.opts[0]}", parameter.help or ""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from help_texts(found, f"{name} {child}")


@pytest.mark.parametrize(("name", "text"), list(help_texts(cli, "bench")))
def test_a_help_text_is_plain(name: str, text: str) -> None:
    assert not FIRST_WORDS.match(text.strip())
    assert not BANNED.search(text)
