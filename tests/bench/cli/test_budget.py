"""The option --budget."""

import click
import pytest
from click.testing import CliRunner

from bench.cli.main import cli
from bench.cli.options import Duration
from bench.model.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("1.5m", 90), ("2h", 7200), ("45", 45), ("0.5m", 30)]
)
def test_a_duration_may_have_a_unit(text: str, seconds: float) -> None:
    assert Duration(1, 86_400).convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "s", "-5s", "five", "nan", "inf", "1e9h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration(1, 86_400).convert(text, None, None)


def test_a_budget_excludes_rounds() -> None:
    """Defect: one of two options that contradict each other would be ignored in silence."""
    arguments = ["run", "--budget", "10s", "--rounds", "3", "--backend", "null"]
    done = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert "--budget and --rounds exclude each other" in str(done.exception)
