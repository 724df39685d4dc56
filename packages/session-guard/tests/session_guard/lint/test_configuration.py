"""`[tool.session-guard]` in pyproject.toml, and `# noqa`."""

from pathlib import Path

import pytest
from session_guard.lint import check
from tests.session_guard.lint.conftest import Run


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("", 1),
        ("ignore = ['SG001']", 0),
        ("select = ['SG002']", 0),
        ("exclude = ['app']", 2),
        ("[tool.session-guard.per-file-ignores]\n'app/*' = ['SG001']", 0),
        ("[tool.session-guard.per-file-ignores]\n'db.py' = ['SG']", 0),
        ("[tool.session-guard.per-file-ignores]\n'tests/*' = ['SG001']", 1),
    ],
)
def test_the_table_is_read(run: Run, app: Path, settings: str, code: int) -> None:
    (app.parent / "pyproject.toml").write_text(f"[tool.session-guard]\n{settings}\n")
    assert run("lint").returncode == code


def test_paths_of_the_table(run: Run, app: Path) -> None:
    (app.parent / "pyproject.toml").write_text("[tool.session-guard]\npaths = ['app']\n")
    (app.parent / "other.py").write_text((app / "db.py").read_text())
    assert "other.py" not in run("lint").stdout


def test_the_command_line_decides(run: Run, app: Path) -> None:
    (app.parent / "pyproject.toml").write_text("[tool.session-guard]\nignore = ['SG001']\n")
    assert run("lint", "app", "--ignore", "SG002").returncode == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[tool.session-guard]\nselct = []\n", "has no setting 'selct'. The settings are paths, "),
        ("[tool.session-guard]\nselect = 'SG001'\n", "select has to be a list of rule codes, and"),
        ("[tool.session-guard]\nselect = ['X1']\n", "select: there is no rule X1."),
        ("[tool.session-guard]\npedantic = 1\n", "pedantic has to be true or false, and is 1"),
        ("[tool]\nsession-guard = 3\n", "tool.session-guard has to be a table"),
        ("[tool.session-guard\n", "pyproject.toml is not TOML: "),
    ],
)
def test_a_wrong_table(run: Run, app: Path, content: str, complaint: str) -> None:
    """Forbid a traceback, and a setting that is ignored without a message."""
    (app.parent / "pyproject.toml").write_text(content)
    result = run("lint", "app")
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert "pyproject.toml" in result.stderr
    assert complaint in result.stderr


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: SG003", "# NOQA: E501, SG003 - a script"])
def test_a_permission(comment: str) -> None:
    assert check(f"s = AsyncSession(e)  {comment}\n") == []


@pytest.mark.parametrize("comment", ["# noqa: E501", "# noqa: SG001", "# no"])
def test_a_permission_is_for_its_rule_alone(comment: str) -> None:
    assert [finding.rule for finding in check(f"s = AsyncSession(e)  {comment}\n")] == ["SG003"]


def test_a_permission_at_the_end_of_a_call() -> None:
    source = "s = AsyncSession(\n    e,\n)  # noqa: SG003\n"
    assert check(source) == []
