"""The plugin, on sample projects without any change for it, each in a pytest process of its own."""

from pathlib import Path

import pytest
from tests.session_guard.conftest import Desk

pytest_plugins = ["pytester"]

SAMPLES = Path(__file__).parent / "samples"
NOT_OURS = ("-p", "no:asyncio", "-p", "no:anyio")


class Project:
    """A copy of a sample project, and runs of pytest on it."""

    def __init__(self, pytester: pytest.Pytester, name: str) -> None:
        self._pytester = pytester
        for file in (SAMPLES / "notes.py", *(SAMPLES / name).glob("*.py")):
            (pytester.path / file.name).write_text(file.read_text())

    def run(self, *arguments: str) -> pytest.RunResult:
        return self._pytester.runpytest_subprocess(
            *("-p", "no:cacheprovider", "-p", "no:benchmark", *arguments)
        )


@pytest.fixture
def pytester(
    pytester: pytest.Pytester, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    monkeypatch.setenv("NOTE_URL", desk.url)
    return pytester


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """Return the outcome of each test of a verbose run, with or without xdist."""
    found = {}
    for line in result.outlines:
        words = line.split()
        for outcome in ("PASSED", "FAILED", "ERROR"):
            if outcome in words and "::" in line:
                name = next(word for word in words if "::" in word)
                found.setdefault(name.partition("::")[2], outcome)
    return found


def test_a_swallowed_mistake_fails_its_test_alone(pytester: pytest.Pytester) -> None:
    project = Project(pytester, "plain")
    result = project.run("-v", "--one-session-per-task", *NOT_OURS)
    assert outcomes(result) == {
        "test_shared_commit": "FAILED",
        "test_shared_when_cold": "FAILED",
        "test_shared_rollback": "FAILED",
        "test_shared_close": "FAILED",
        "test_shared_read": "FAILED",
        "test_permitted": "PASSED",
        "test_own": "PASSED",
    }
    result.stdout.fnmatch_lines(["*One session, two users: commit() by task*test_notes.py:*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_nothing_happens_where_it_is_not_asked_for(pytester: pytest.Pytester) -> None:
    result = Project(pytester, "plain").run("-v", *NOT_OURS)
    assert set(outcomes(result).values()) == {"PASSED"}


def test_it_is_asked_for_in_the_ini_file(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\none_session_per_task = true\n")
    result = Project(pytester, "plain").run("-v", *NOT_OURS)
    assert outcomes(result)["test_shared_commit"] == "FAILED"
    assert outcomes(result)["test_own"] == "PASSED"


def test_with_xdist(pytester: pytest.Pytester) -> None:
    """A worker process finds the violation, and its report reaches the main process."""
    result = Project(pytester, "plain").run("-v", "-n", "2", "--one-session-per-task", *NOT_OURS)
    result.assert_outcomes(passed=2, failed=5)


@pytest.mark.parametrize("name", ["asyncio_plugin", "anyio_plugin"])
def test_with_the_plugins_of_async_tests(pytester: pytest.Pytester, name: str) -> None:
    without = "no:anyio" if name == "asyncio_plugin" else "no:asyncio"
    result = Project(pytester, name).run("-v", "--one-session-per-task", "-p", without)
    assert outcomes(result) == {
        "test_the_fixtures_session": "PASSED",
        "test_the_fixtures_instance": "PASSED",
        "test_own": "PASSED",
        "test_shared": "FAILED",
    }


def test_a_fastapi_application_and_its_repaired_twin(pytester: pytest.Pytester) -> None:
    result = Project(pytester, "fastapi_app").run("-v", "--one-session-per-task", *NOT_OURS)
    assert outcomes(result) == {"test_shared": "FAILED", "test_own": "PASSED"}


def test_an_instance_that_another_task_changes(pytester: pytest.Pytester) -> None:
    """Forbids that the change is not reported, also for a class that conftest.py uses at import.
    Also forbids a report for a change by the owner, by a borrower, or after the transaction."""
    project = Project(pytester, "instances")
    assert outcomes(project.run("-v", "--one-session-per-task", *NOT_OURS)) == {
        "test_shared": "FAILED",
        "test_own": "PASSED",
        "test_in_the_same_task": "PASSED",
        "test_lent_to_a_child": "PASSED",
        "test_after_the_commit": "PASSED",
        "test_detached": "PASSED",
    }
    result = project.run("-v", *NOT_OURS)
    assert set(outcomes(result).values()) == {"PASSED"}
    result = project.run("-v", "-n", "2", "--one-session-per-task", *NOT_OURS)
    result.assert_outcomes(passed=5, failed=1)


def test_a_permission_needs_a_reason(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.shares_session
        def test_it():
            pass
        """
    )
    result = pytester.runpytest_subprocess("--one-session-per-task", *NOT_OURS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_it: say why: @pytest.mark.shares_session(reason='...')"])


def test_plain_sessions_are_of_a_guarded_subclass_then(pytester: pytest.Pytester) -> None:
    """Forbids that the plugin replaces a function of SQLAlchemy, or breaks isinstance()."""
    pytester.makepyfile(
        """
        from sqlalchemy.orm import Session

        class Mine(Session): ...

        def test_it():
            session = Mine()
            assert type(session) is Mine
            session.begin()
            assert type(session).__name__ == "GuardedMine"
            assert isinstance(session, Mine)
            for method in (Session.begin, Session.execute, Mine.commit, Session.__init__):
                assert "session_guard" not in method.__code__.co_filename
        """
    )
    result = pytester.runpytest_subprocess("--one-session-per-task", *NOT_OURS)
    result.assert_outcomes(passed=1)


def test_it_costs_an_import_of_nothing(pytester: pytest.Pytester) -> None:
    """Forbids imports by the plugin, since every pytest of the environment loads it."""
    pytester.makepyfile(
        """
        import sys

        def test_it():
            assert "session_guard.pytest_plugin" in sys.modules
            assert "sqlalchemy" not in sys.modules
        """
    )
    pytester.runpytest_subprocess(*NOT_OURS).assert_outcomes(passed=1)
