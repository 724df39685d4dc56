"""The words of the code: what docstrings and help texts begin with, and words that are not used."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

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


def offences(find: Callable[[Path], Iterable[object]]) -> dict[str, list[object]]:
    """Return file -> its offences. One test for all files: it is collected by each process."""
    found = {str(path.relative_to(ROOT)): list(find(path)) for path in FILES}
    return {path: offences for path, offences in found.items() if offences}


def test_a_docstring_begins_with_what_the_thing_does() -> None:
    """Defect: 323 docstrings began with a question word, and left the reader to guess the rest."""
    assert len(FILES) > 400

    def wrong(path: Path) -> Iterator[str]:
        texts = docstrings(path)
        return (f"{line}: {text[:60]}" for line, text in texts if FIRST_WORDS.match(text))

    assert offences(wrong) == {}


def test_no_banned_word_is_used() -> None:
    def wrong(path: Path) -> Iterator[tuple[int, str]]:
        text = path.read_text(encoding="utf-8")
        words = BANNED.finditer(text)
        return ((text.count("\n", 0, word.start()) + 1, word[0]) for word in words)

    assert offences(wrong) == {}


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


def test_a_help_text_is_plain() -> None:
    texts = [(name, text.strip()) for name, text in help_texts(cli, "bench")]
    assert len(texts) > 100
    wrong = [name for name, text in texts if FIRST_WORDS.match(text) or BANNED.search(text)]
    assert wrong == []
