"""docs/lint/: one page per rule. Its wrong code is reported, and its right code is not."""

import re

import pytest
from session_guard.lint import RULES, check

from tests.root import ROOT

FOLDER = ROOT / "docs" / "lint"


def codes(page: str, heading: str) -> list[str]:
    """Return the Python blocks of a section."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert section
    return re.findall(r"^```python\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)


def test_each_rule_has_a_page() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == sorted(RULES)


@pytest.mark.parametrize("code", RULES)
def test_the_wrong_code_is_reported(code: str) -> None:
    page = (FOLDER / f"{code}.md").read_text()
    assert page.startswith(f"# {code}: {RULES[code].name}\n")
    for source in codes(page, "Wrong"):
        assert {finding.rule for finding in check(source)} == {code}


@pytest.mark.parametrize("code", RULES)
def test_the_right_code_is_not(code: str) -> None:
    sources = codes((FOLDER / f"{code}.md").read_text(), "Right")
    assert sources
    for source in sources:
        assert check(source) == []
