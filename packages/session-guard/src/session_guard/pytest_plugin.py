"""The option `pytest --one-session-per-task`: a test fails if it shares a session between tasks.

It fails also if the application has swallowed the exception. The application needs no change,
because every engine and session of the process is guarded.
"""

from collections.abc import Generator
from contextlib import nullcontext

import pytest

OPTION = "one_session_per_task"
MARKER = "shares_session"


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "fail a test in which two tasks or threads share a SQLAlchemy session or connection"
    group = parser.getgroup("session_guard")
    group.addoption("--one-session-per-task", action="store_true", dest=OPTION, help=text)
    parser.addini(OPTION, text, type="bool", default=False)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    # Before any conftest.py, which imports the application and may make an instance of a mapped
    # class.
    if early_config.known_args_namespace.one_session_per_task or early_config.getini(OPTION):
        _guard()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}(reason): two tasks may share a session here.")
    if config.getoption(OPTION) or config.getini(OPTION):
        _guard()
        config.pluginmanager.register(_Watch(), "session_guard_watch")


def _guard() -> None:
    from session_guard.install import guard_everything

    guard_everything()


class _Watch:
    """The hooks that only sessions with the option need."""

    def pytest_unconfigure(self) -> None:
        from session_guard.install import unguard_everything

        unguard_everything()

    @pytest.hookimpl
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            marker = item.get_closest_marker(MARKER)
            if marker and not marker.kwargs.get("reason"):
                raise pytest.UsageError(
                    f"{item.nodeid}: say why: @pytest.mark.{MARKER}(reason='...')"
                )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        from session_guard import violation_log

        with violation_log.permitted() if item.get_closest_marker(MARKER) else nullcontext():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        from session_guard.violation_log import violations

        report = yield
        if new_violations := violations(clear=True):
            account = "\n".join(map(str, new_violations))
            if report.passed:
                report.outcome = "failed"
                report.longrepr = f"one session per task, in the {report.when} phase:\n{account}"
            else:
                report.sections.append(("one session per task", account))
        return report
