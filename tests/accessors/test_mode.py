"""The mode of a backend, and its old name `colour`, which a user's code may still read or set."""

from pathlib import Path
from typing import Any

import pytest

from accessors import discover, load
from accessors.null import AsyncNull, Null

READS_OLD_NAME = r"is now called `mode`: read `mode`"
SETS_OLD_NAME = r"sets the attribute `colour`, which is now called `mode`: set `mode`"


@pytest.mark.parametrize(("name", "mode"), [("null", "sync"), ("orm+asyncpg", "async")])
def test_the_old_name_reads_the_mode_and_warns(name: str, mode: str) -> None:
    """Forbid that code written for `colour` fails with an AttributeError."""
    backend: Any = load(name)
    with pytest.warns(DeprecationWarning, match=READS_OLD_NAME) as warned:
        assert backend.colour == mode
    with pytest.warns(DeprecationWarning, match=READS_OLD_NAME):
        assert type(backend).colour == mode
    assert warned[0].filename == __file__


def test_a_class_that_sets_the_old_name_has_that_mode() -> None:
    """Forbid that a class with `colour` runs in the mode of its base class."""
    with pytest.warns(DeprecationWarning, match=f"Mine {SETS_OLD_NAME}") as warned:

        class Mine(Null):
            colour: Any = "async"

    class Derived(Mine):
        pass

    assert warned[0].filename == __file__
    assert (Mine.mode, Mine().mode, Derived().mode, Null.mode) == (
        "async",
        "async",
        "async",
        "sync",
    )
    with pytest.warns(DeprecationWarning, match=READS_OLD_NAME):
        assert Derived().colour == "async"


def test_a_base_class_or_a_property_may_set_the_old_name() -> None:
    class Mixin:
        colour: Any = "async"

    with pytest.warns(DeprecationWarning, match=f"Mixed {SETS_OLD_NAME}"):

        class Mixed(Mixin, Null):  # type: ignore[misc]
            pass

    with pytest.warns(DeprecationWarning, match=f"Computed {SETS_OLD_NAME}"):

        class Computed(Null):
            @property
            def colour(self) -> Any:
                return "async"

    assert (Mixed().mode, Computed().mode) == ("async", "async")


def test_an_object_may_set_the_old_name() -> None:
    class Mine(AsyncNull):
        def __init__(self, mode: Any) -> None:
            self.colour = mode

    with pytest.warns(DeprecationWarning, match=f"Mine {SETS_OLD_NAME}") as warned:
        backend = Mine("sync")
    assert warned[0].filename == __file__
    assert (backend.mode, AsyncNull.mode) == ("sync", "async")


def test_a_class_that_sets_both_names_keeps_its_mode() -> None:
    """A backend for old and new versions of this package sets both, and needs no warning."""

    class Both(Null):
        mode: Any = "async"
        colour: Any = "sync"

    assert Both().mode == "async"


def test_a_backend_without_our_base_class_may_set_the_old_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forbid an AttributeError for a backend that has the attributes but not our base class."""
    monkeypatch.syspath_prepend(tmp_path)
    source = """
class Unrelated:
    name = "unrelated"
    colour = "async"
    requires = {}

BACKENDS = (Unrelated(),)
"""
    (tmp_path / "unrelated_backend.py").write_text(source)
    with pytest.warns(DeprecationWarning, match=f"Unrelated {SETS_OLD_NAME}"):
        backend = discover(["unrelated_backend"])["unrelated"].backend
    assert backend is not None
    assert backend.mode == "async"
