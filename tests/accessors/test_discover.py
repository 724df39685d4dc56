"""Backends are found by name; a missing library is a reason; a user's backend needs no edit."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from accessors import BUILTIN, EXTRAS, BackendModuleError, discover, is_extra, load, usual
from accessors.unloaded import FACTS
from tests.installed import ABSENT, INSTALLED

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocked())
for name in BLOCKED:
    sys.modules[name] = None  # as importlib marks a module that must not be found
"""

DISCOVER = """
import json
from accessors import discover
print(json.dumps({name: found.reason for name, found in discover().items() if not found.backend}))
"""

BACKEND = """
from accessors.null import Null

class Mine(Null):
    name = "{name}"

BACKENDS = (Mine(),)
"""


def run(script: str, *arguments: str, **environment: str) -> str:
    """Return the output of a fresh interpreter."""
    command = [sys.executable, "-W", "error", "-c", script, *arguments]
    variables = os.environ | environment
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def missing(*libraries: str) -> dict[str, str]:
    """Return the reasons of the backends that can't be used without these libraries.

    Extras that are absent here anyway are left out.
    """
    reasons: dict[str, str] = json.loads(run(BLOCKED + DISCOVER, ",".join(libraries)))
    return {name: reason for name, reason in reasons.items() if name not in ABSENT}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder from which modules are imported."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_all_of_ours_are_found_in_their_order() -> None:
    found = discover()
    assert list(found)[: len(BUILTIN)] == list(BUILTIN)
    assert set(ABSENT) <= set(EXTRAS), ABSENT
    for name in INSTALLED:
        module = BUILTIN[name]
        assert found[name].backend is not None, found[name].reason
        assert (found[name].backend.name, found[name].module) == (name, module)
        assert found[name].reason == ""


def test_a_backend_says_what_it_is() -> None:
    for name in INSTALLED:
        backend = load(name)
        asynchronous = name.endswith(("asyncpg", "-async", "psqlpy"))
        assert backend.mode == ("async" if asynchronous else "sync")
        assert backend.layer == name.partition("+")[0] or backend.layer in ("driver", "null")
        assert set(backend.card) == {"rows", "pool", "prepared", "default_batch", "writes"}
        assert backend.in_memory == name.startswith("null")


DRIVERS = {
    "asyncpg": ("asyncpg", 3),
    "psycopg2": ("psycopg2-binary", 3),
    "psycopg": ("psycopg[binary]", 6),
    "pg8000": ("pg8000", 3),
    "psqlpy": ("psqlpy", 1),
}


@pytest.mark.parametrize("library", DRIVERS)
def test_a_missing_driver_is_missed_by_those_that_need_it(library: str) -> None:
    package, backends = DRIVERS[library]
    needing = [name for name in INSTALLED if load(name).driver == library]
    if not needing:
        pytest.skip(f"{library} is an extra that is not installed")
    assert len(needing) == backends
    assert missing(library) == dict.fromkeys(needing, f"pip install '{package}'")


@pytest.mark.parametrize("library", ["sqlalchemy", "greenlet"])
def test_without_sqlalchemy_the_drivers_stay(library: str) -> None:
    """Forbids a wrong command: pip installs SQLAlchemy 2.1 without greenlet by default. Then the
    reason was `pip install 'core+psycopg2'` for one backend, and the others counted as usable."""
    needing = [name for name in INSTALLED if "+" in name]
    assert missing(library) == dict.fromkeys(needing, "pip install 'sqlalchemy[asyncio]'")


def test_a_missing_pool_is_missed_by_psycopg_alone() -> None:
    reason = "pip install 'psycopg-pool'"
    assert missing("psycopg_pool") == {"psycopg": reason, "psycopg-async": reason}


def test_an_installed_library_that_does_not_work_says_so() -> None:
    """Forbids the advice `pip install 'psycopg-async'` for a psycopg without its C part."""
    reasons = json.loads(run(DISCOVER, PSYCOPG_IMPL="c"))
    assert reasons["psycopg"] == reasons["psycopg-async"] == "pip install 'psycopg_c'"


def test_without_any_library_the_null_backends_are_left() -> None:
    left = set(INSTALLED) - set(missing(*DRIVERS, "sqlalchemy", "greenlet"))
    assert left == {"null", "null-async"}


@pytest.mark.parametrize(
    ("backend", "others"),
    [
        ("asyncpg", {"sqlalchemy", "psycopg2", "psycopg"}),
        ("psycopg2", {"sqlalchemy", "asyncpg", "psycopg"}),
        ("psycopg-async", {"sqlalchemy", "asyncpg", "psycopg2"}),
        ("null-async", {"sqlalchemy", "asyncpg", "psycopg2", "psycopg"}),
    ],
)
def test_one_library_a_process(backend: str, others: set[str]) -> None:
    """A measured library shares its heap with no other library."""
    script = "import sys; from accessors import load; load(sys.argv[1]); print(*sys.modules)"
    assert set(run(script, backend).split()) & others == set()


DESCRIBE = """
import json, sys
from accessors import discover
found = discover(described=True)
print(json.dumps([{name: one.reason for name, one in found.items() if not one.backend},
    sorted({"sqlalchemy", "psycopg", "psycopg2", "asyncpg"} & set(sys.modules))]))
"""


def test_a_list_of_backends_imports_no_library() -> None:
    """`bench list` imported SQLAlchemy and every driver to ask whether they exist: 1 s of CPU."""
    assert json.loads(run(DESCRIBE)) == [{}, []]


NAMED = """
import json, sys
from accessors import discover
found = discover(only=["asyncpg"])
print(json.dumps([type(found["asyncpg"].backend).__name__,
    sorted(name for name, one in found.items() if one.backend),
    sorted({"sqlalchemy", "psycopg", "psycopg2", "asyncpg"} & set(sys.modules))]))
"""


def test_only_the_libraries_of_named_backends_are_imported() -> None:
    """A run of one driver imported SQLAlchemy and all other drivers: a third of its CPU."""
    backend, names, libraries = json.loads(run(NAMED))
    assert (backend, libraries) == ("Asyncpg", ["asyncpg"])
    assert names == sorted(INSTALLED)


@pytest.mark.parametrize("library", ["asyncpg", "psycopg_pool", "greenlet", "psycopg"])
def test_a_list_of_backends_has_the_same_reasons(library: str) -> None:
    """The reasons of absent backends must not depend on whether the others were imported."""
    reasons, _ = json.loads(run(BLOCKED + DESCRIBE, library))
    assert reasons == missing(library) != {}


def test_a_list_of_backends_says_that_an_installed_library_does_not_work() -> None:
    reasons, _ = json.loads(run(DESCRIBE, PSYCOPG_IMPL="c"))
    assert reasons == json.loads(run(DISCOVER, PSYCOPG_IMPL="c")) != {}


@pytest.mark.parametrize("name", INSTALLED)
def test_the_facts_of_a_backend_are_its_own(name: str) -> None:
    """A plan made from the facts in `accessors.unloaded` must be the plan of the backend."""
    described, backend = discover(described=True)[name].backend, load(name)
    assert described is not None
    for fact in ("name", "mode", "layer", "driver", "also", "transactions", "in_memory"):
        assert getattr(described, fact) == getattr(backend, fact), fact
    assert FACTS[name].libraries == tuple(backend.requires)


def test_an_extra_is_used_only_if_it_is_named() -> None:
    """Forbids that a package which was installed for another purpose makes every run longer."""
    found = discover()
    assert set(usual(found)) == set(BUILTIN) - set(EXTRAS)
    assert {name for name in found if is_extra(found[name])} == set(EXTRAS)


@pytest.mark.parametrize("name", EXTRAS)
def test_a_module_replaces_an_extra_of_its_name(folder: Path, name: str) -> None:
    """Forbids that a backend of a user's own is refused since an extra has its name."""
    module = f"replaces_{name.replace('+', '_')}"
    (folder / f"{module}.py").write_text(BACKEND.format(name=name))
    found = discover([module])
    assert found[name].module == module
    assert found[name].backend is load(name, module)
    assert name in usual(found)


def test_two_modules_with_the_name_of_an_extra_are_an_error(folder: Path) -> None:
    for module in ("first_pg8000", "second_pg8000"):
        (folder / f"{module}.py").write_text(BACKEND.format(name="pg8000"))
    with pytest.raises(BackendModuleError, match=r"second_pg8000: .*'pg8000' exists already"):
        discover(["first_pg8000", "second_pg8000"])


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="sqlite"):
        load("sqlite")


def test_a_module_adds_its_backends(folder: Path) -> None:
    (folder / "my_backends.py").write_text(BACKEND.format(name="mine"))
    found = discover(["my_backends", "my_backends"])
    assert list(found)[: len(BUILTIN)] == list(BUILTIN)
    assert found["mine"].module == "my_backends"
    assert found["mine"].backend is load("mine", "my_backends")
    assert found["mine"].backend.mode == "sync"


BROKEN = {
    "syntax": ("def", "SyntaxError"),
    "no_tuple": ("", "AttributeError.*BACKENDS"),
    "not_backends": ("BACKENDS = (1,)", "AttributeError.*name"),
    "raises": ("raise OSError('no licence')", "OSError: no licence"),
    "lacks": ("import not_installed_anywhere", "ModuleNotFoundError.*not_installed_anywhere"),
}


@pytest.mark.parametrize(("module", "case"), BROKEN.items())
def test_a_broken_module_that_was_asked_for_is_an_error(
    folder: Path, module: str, case: tuple[str, str]
) -> None:
    source, reason = case
    (folder / f"broken_{module}.py").write_text(source)
    with pytest.raises(BackendModuleError, match=f"^broken_{module}: {reason}"):
        discover([f"broken_{module}"])


def test_a_module_that_is_not_there_is_an_error() -> None:
    with pytest.raises(BackendModuleError, match="not_there: ModuleNotFoundError"):
        discover(["not_there"])


def test_a_name_that_is_taken_is_an_error(folder: Path) -> None:
    (folder / "impostor.py").write_text(BACKEND.format(name="asyncpg"))
    with pytest.raises(BackendModuleError, match=r"impostor: .*'asyncpg' exists already"):
        discover(["impostor"])


def install(folder: Path, module: str, source: str) -> None:
    """Write a distribution with one module and its entry point, as pip installs it."""
    (folder / f"{module}.py").write_text(source)
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[gatherbench.backends]\nany = {module}\n")


def test_an_installed_package_joins_by_its_entry_point(folder: Path) -> None:
    install(folder, "installed_backends", BACKEND.format(name="installed"))
    found: dict[str, Any] = discover()
    assert found["installed"].backend.name == "installed"
    assert found["installed"].module == "installed_backends"
    assert "installed" in discover(["installed_backends"])


def test_a_broken_installed_package_is_a_reason_and_stops_nobody(folder: Path) -> None:
    install(folder, "broken_installed", "raise OSError('no licence')")
    found = discover()
    assert found["broken_installed"].backend is None
    assert found["broken_installed"].reason == "OSError: no licence"
    assert found["asyncpg"].backend
    with pytest.raises(BackendModuleError, match="no licence"):
        discover(["broken_installed"])
