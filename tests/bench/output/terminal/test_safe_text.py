"""Safe text for a terminal: no escape code of a file, a server or a user is printed."""

import io
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from bench.output.terminal import console as consoles
from bench.output.terminal.safe_text import echo, echo_over, safe
from tests.bench import synthetic
from tests.bench.command import Bench

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egpj\u2066\ud800\u2028\x00\r"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb\x08c\x00\x7f", r"a\rb\x08c\x00\x7f"),
        ("\u202eabc\u2069\u200f\u061c", r"\u202eabc\u2069\u200f\u061c"),
        ("\u2028\u2029\ufeff\ud800", r"\u2028\u2029\ufeff\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_may_obey_is_shown_instead(text: str, shown: str) -> None:
    """Forbid control characters, bidirectional and other invisible ones, and lone surrogates."""
    assert safe(text) == shown


def test_what_people_write_stays() -> None:
    """Forbid that a label in another script, or an emoji, is changed."""
    text = "läuft\tauf 漢字, עברית, a\u200cb, 👩\u200d💻, co\u00adop\nµs ± 1 %"
    assert safe(text) == text


def test_echo_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    """Forbid escape codes in errors and progress that are printed without rich."""
    echo(f"error: {HOSTILE}", err=True)
    echo(HOSTILE)
    echo_over(HOSTILE)
    out, err = capsys.readouterr()
    assert out == safe(HOSTILE) + "\n"
    assert err == f"error: {safe(HOSTILE)}\n\r{safe(HOSTILE)}\r"


def printed(renderable: object) -> str:
    console = consoles.console()
    console.file = io.StringIO()
    console.print(renderable)
    return console.file.getvalue()


def test_a_table_is_safe_and_stays_straight() -> None:
    """Forbid escape codes in cells, headings and titles, and columns that they shift."""
    table = Table(title=HOSTILE)
    table.add_column(HOSTILE)
    table.add_column(Text(HOSTILE))
    table.add_row(HOSTILE, Text(HOSTILE))
    text = printed(table)
    assert safe(text) == text
    assert len({len(line) for line in text.splitlines()[1:]}) == 1


def test_nothing_is_markup() -> None:
    """Forbid a traceback for `[/x]` in a label, and a label that colours the rest of a line."""
    table = Table("[/x]", "[red]b")
    table.add_row("[/y]", ":smile:")
    text = printed(table)
    assert all(word in text for word in ("[/x]", "[red]b", "[/y]", ":smile:"))
    assert "[/z]" in printed("[/z]")


def test_the_console_keeps_its_own_styles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid that the escape codes of a style are printed as text."""
    monkeypatch.delenv("NO_COLOR", raising=False)  # CI has it, and a terminal without colours
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(consoles.SafeConsole, "is_terminal", True)
    console = consoles.SafeConsole(file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text("red", style="red"))
    assert "\x1b[31mred" in console.file.getvalue()


def test_every_command_that_shows_a_crafted_run_is_safe(tmp_path: Path) -> None:
    """Forbid raw escape codes in the table, warnings, comparison, history and errors."""
    from dataclasses import replace

    from bench.model.case import Case
    from bench.results.entries import Failure
    from bench.results.file import Recorder

    hostile = HOSTILE.replace("\ud800", "")
    case = Case(f"asyncpg{hostile}", synthetic.POINT)
    header = synthetic.header([case], 2, label=hostile, command=hostile, profile=hostile)
    for number, version in enumerate(("18", hostile)):
        server = replace(header.environment.server, version=version)
        recorder = Recorder(tmp_path / "results" / f"run{number}")
        recorder.header(replace(header, environment=replace(header.environment, server=server)))
        for round_number in range(2):
            recorder.add(synthetic.constant_run(case, round_number, 10**6, 10**7))
        recorder.add(Failure(case, 3, f"Error: {hostile}"))
        recorder.end("failed", hostile)
        recorder.close()
    (tmp_path / "results" / "odd").mkdir()
    (tmp_path / "results" / "odd" / "run.jsonl").write_text('{"kind":"\\u001b[31m"}\n')
    bench = Bench(tmp_path)
    for words in (
        ("charts", "results/run0"),
        ("compare", "run0", "run1", "--no-charts"),
        ("compare", "run0", "run1", "--no-charts", "--format=markdown"),
        ("compare", "run0", "run1", "--no-charts", "--format=github"),
        ("history",),
        ("report", "results/odd"),
    ):
        done = bench(*words)
        assert safe(done.out) == done.out, words
        assert safe(done.err) == done.err, words
        assert done.code == (1 if "results/odd" in words else 0), done.err
        assert r"\x1b" in done.out + done.err, words
