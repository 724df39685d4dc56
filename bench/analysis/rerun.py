"""The command that measures one case of a run again, as it was."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bench.model.case import FACTORS, Case
from bench.model.profiles import PROFILES, Block
from bench.model.study import study_of
from bench.results.header import Conditions
from bench.results.statement import StatementFacts

_VARIED: Mapping[str, Callable[[Block], Iterable[Any]]] = {
    "link": lambda block: block.links,
    "processes": lambda block: block.processes,
}
"""The factors whose defaults `bench run` can be asked for: name -> values in a profile's block."""


def command(header: Conditions, case: Case) -> str:
    """Return a shell command with the same factors, rounds, seconds and rows, and no other case
    except the twin. For a study's case, it runs the study of its backend.

    It names no database, so that it contains no password: set DATABASE_URL if the run did not use
    the embedded server. It does not name a module of your own backends either.
    """
    profile = header.profile or ""
    facts = header.statements.get(case.workload)
    if facts and facts.files:
        return _of_file(header, case, facts)
    if facts:
        return _of_statement(header, case)
    if study := study_of(profile):
        return f"{study.profiles[profile]} --backend {shlex.quote(case.backend)}"
    options: list[tuple[str, Any]] = [("profile", header.profile), *case.options()]
    blocks = PROFILES[profile].blocks if profile in PROFILES else ()
    # A profile that varies a factor would measure its other values too, unless one is asked for.
    for factor in (factor for factor in FACTORS if factor.name in _VARIED):
        others = {value for block in blocks for value in _VARIED[factor.name](block)}
        if factor.left_out(value := getattr(case, factor.name)) and others - {value}:
            options += factor.options_of(value)
    options += [
        ("rounds", header.rounds),
        ("seconds", header.seconds),
        ("scale", header.dataset.scale),
        ("seed", header.dataset.seed),
    ]
    return " ".join(["bench run", *_given(options)])


def _given(options: Iterable[tuple[str, Any]]) -> list[str]:
    """Return the options that have a value, as a shell takes them."""
    return [f"--{name} {shlex.quote(str(value))}" for name, value in options if value is not None]


def files(header: Conditions) -> str:
    """Return the options of the workload file that a run measured; empty if it had none."""
    named = [file for facts in header.statements.values() for file in facts.files]
    return " ".join(_given(("workload-file", file) for file in dict.fromkeys(named)))


def _of_file(header: Conditions, case: Case, facts: StatementFacts) -> str:
    """Return the command for a workload of a file, which is as it was named."""
    file = _given(("workload-file", file) for file in facts.files)
    study = study_of(header.profile)
    if study and header.profile != "query":
        options: list[tuple[str, Any]] = [("backend", case.backend), ("workload", case.workload)]
        return " ".join([study.profiles[header.profile or ""], *file, *_given(options)])
    factors = [option for option in case.options() if option[0] != "transactions"]
    options = [
        *(factors if facts.units else case.options()),
        ("rounds", header.rounds),
        ("seconds", header.seconds),
        ("seed", header.dataset.seed),
    ]
    return " ".join(["bench run", *file, *_given(options)])


def _of_statement(header: Conditions, case: Case) -> str:
    """Return the command for a statement of the user's own. It has `...` for its arguments."""
    facts = header.statements[case.workload]
    options = {
        "arguments": "..." if facts.parameters else None,
        "backend": case.backend,
        "fetch": case.fetch,
        "concurrency": case.concurrency,
        "rounds": header.rounds,
        "seconds": header.seconds,
        "seed": header.dataset.seed,
        "name": case.workload,
    }
    given = _given(options.items())
    if not facts.read_only:
        given.append("--allow-writes")
    return " ".join(["bench query", shlex.quote(facts.sql), *given])
