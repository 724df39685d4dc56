"""Files of newer Python, and files that are no Python."""

import ast
import sys
from pathlib import Path

import pytest
from session_guard.lint import check
from session_guard.lint.parsing import parse
from tests.session_guard.lint.conftest import SHARED, Run

NEWER = """\
import asyncio
from typing import Annotated
from sqlalchemy.ext.asyncio import AsyncSession

type Db = Annotated[AsyncSession, "given"]


class Box[T = int]:
    def get[U: str](self, key: U) -> T: ...


async def both(db: Db):
    try:
        name = f"{names["a"]}, {t"{b}"}"
        text = (
            "one "
            f"{"\\n".join(names)}"
            rf"{names["b"]}"
        )
    except ValueError, TypeError:
        pass
    await asyncio.gather(one(db), two(db))
"""


def test_newer_syntax_is_read() -> None:
    """Forbid that a file of Python 3.14 is left out if an older Python runs the lint."""
    pytest.importorskip("libcst")
    assert parse(NEWER).warning == ""
    assert [(finding.line, finding.rule) for finding in check(NEWER)] == [(22, "SG001")]


def test_newer_syntax_without_libcst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libcst", None)
    monkeypatch.delitem(sys.modules, "session_guard.lint.newer_syntax", raising=False)
    source = SHARED + "\n\nlazy import json\n"
    parsed = parse(source)
    assert "left out: what begins at line 9." in parsed.warning
    assert "pip install session-guard[lint]" in parsed.warning
    assert [(finding.line, finding.rule) for finding in check(source)] == [(6, "SG001")]


def test_a_docstring_is_no_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid that each line of a docstring counts as a statement that can't be read."""
    monkeypatch.setitem(sys.modules, "libcst", None)
    monkeypatch.delitem(sys.modules, "session_guard.lint.newer_syntax", raising=False)
    source = f'"""Title.\n\nA text of\nseveral lines.\n"""\n{SHARED}\nlazy import json\n'
    parsed = parse(source)
    assert "left out: what begins at line 13." in parsed.warning
    assert [finding.line for finding in check(source)] == [11]


@pytest.mark.parametrize("content", ["def f(:\n", "x = '\0'\n", "\ufeff((((", "if 1:\nx\n"])
def test_what_is_not_python_stops_nothing(run: Run, app: Path, content: str) -> None:
    """Forbid that an unreadable file ends the run, or has no warning."""
    (app / "a.py").write_text(content)
    result = run("lint", "app")
    assert result.returncode == 1
    assert "db.py:6:46: SG001" in result.stdout
    assert "warning: app/a.py can't be read" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_of_another_encoding(run: Run, app: Path) -> None:
    (app / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nname = '\xe4'\n")
    (app / "bytes.py").write_bytes(b"name = '\xe4'\n")
    result = run("lint", "app")
    assert result.returncode == 1
    assert "bytes.py can't be read: " in result.stderr
    assert "latin.py" not in result.stderr


def test_deep_nesting() -> None:
    """Forbid a RecursionError of the parser or of the lint."""
    for source in ("x = " + "(" * 300 + ")" * 300, "x = " + "1 + " * 9000 + "1\n"):
        assert check(SHARED + source)


def test_an_invalid_escape_is_no_warning_of_ours() -> None:
    assert isinstance(parse("x = '\\d'\n").tree, ast.Module)
