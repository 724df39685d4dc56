"""Output to a stream that can't encode every character."""

import io
import sys

import pytest

from bench.output.terminal.plain import write_plainly


def test_a_plainer_character_takes_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defect: with LANG=C, stdout is ASCII, and a traceback replaced the table."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    write_plainly()
    print("p50 1 µs ±3 %, 2.1\N{MULTIPLICATION SIGN} … é ü → ß \udcff 漢")
    sys.stdout.flush()
    assert written.getvalue() == b"p50 1 us +-3 %, 2.1x ... e u -> ? ? ?\n"


def test_nothing_is_changed_where_all_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="utf-8"))
    write_plainly()
    print("µ ± 漢")
    sys.stdout.flush()
    assert written.getvalue().decode() == "µ ± 漢\n"
