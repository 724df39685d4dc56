"""The corpus: the reports of the lint on each form, and its precision and recall."""

import pytest
from tests.session_guard.lint.forms import Form, read, score

FOLDERS = ("wrong", "right", "third", "fourth", "others", "applications")
FORMS = [form for folder in FOLDERS for form in read(folder)]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.batch}: {form.title}")
def test_a_form_is_known(form: Form) -> None:
    """Forbid a wrong form without a report, and a right form with one."""
    reported = {rule for _, _, rule in form.reported()}
    assert reported == {rule for _, _, rule in form.expected}


@pytest.mark.parametrize("tuned", [True, False])
def test_precision_and_recall_of_a_half(tuned: bool) -> None:
    """Forbid a lint that is wrong too often to be kept on: issue 15, section 6."""
    total, _ = score(form for form in FORMS if form.is_tuned_on is tuned)
    assert total.wrong >= 30
    assert total.right >= 30
    assert total.precision >= 0.9
    assert total.recall >= 0.8


def test_precision_and_recall_of_other_authors_forms() -> None:
    """Forbid a lint that knows only how we write: these forms come from public code."""
    total, _ = score(read("others"))
    assert total.wrong >= 30
    assert total.right >= 30
    assert total.precision >= 0.9
    assert total.recall >= 0.8


def test_the_corpus_is_large_enough() -> None:
    """Forbid a figure that rests on few forms."""
    assert len([*read("wrong")]) >= 60
    assert len([*read("right")]) >= 60
    titles = [form.title for form in FORMS]
    assert sorted(set(titles)) == sorted(titles)
