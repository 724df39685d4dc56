"""docs/faults.md is what the suite of faults says."""

from tests.faults.document import SUBJECTS, document
from tests.root import ROOT


def test_the_document_is_the_suites_own() -> None:
    """Forbids a page that promises what no test shows."""
    written = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert written == document(), "make docs writes it anew"


def test_every_module_of_the_suite_is_in_it() -> None:
    modules = {path.stem for path in (ROOT / "tests" / "faults").glob("test_*.py")}
    assert modules == set(SUBJECTS.values())
