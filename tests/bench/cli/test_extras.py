"""Backends of extras are chosen by their name, or by `--backend all`."""

import pytest
from click.testing import CliRunner

from accessors import BUILTIN, EXTRAS
from bench.cli.list import list_
from bench.cli.options import EVERY_BACKEND, choose_backends
from bench.model.errors import UsageError
from tests.installed import ABSENT, INSTALLED


def test_without_a_name_no_extra_is_chosen() -> None:
    assert list(choose_backends((), ())) == [name for name in BUILTIN if name not in EXTRAS]


def test_all_is_every_available_backend() -> None:
    assert list(choose_backends([EVERY_BACKEND], ())) == INSTALLED
    assert list(choose_backends(["asyncpg", EVERY_BACKEND], ())) == INSTALLED


@pytest.mark.parametrize("name", EXTRAS)
def test_an_extra_is_chosen_by_its_name(name: str) -> None:
    """Forbids a traceback where the library is not installed: the reason is the command for pip."""
    if name in ABSENT:
        with pytest.raises(UsageError, match=r"not available here: pip install"):
            choose_backends([name], ())
    else:
        assert list(choose_backends([name], ())) == [name]


def test_the_list_says_that_an_extra_must_be_named() -> None:
    lines = CliRunner().invoke(list_).output.splitlines()
    for name in set(EXTRAS) - set(ABSENT):
        (line,) = (line for line in lines if line.split()[:1] == [name])
        assert line.endswith("only if it is named")
    (line,) = (line for line in lines if line.split()[:1] == ["asyncpg"])
    assert line.endswith("driver")
