"""The command that measures one case of a run again, as it was."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bench.analysis.typed_command import PLACE, kept, without, words_of
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

_OF_A_STATEMENT = (
    *("fetch", "concurrency", "transactions", "connect"),
    *("latency", "jitter", "bandwidth", "processes"),
)
"""The factors that `bench query` has options for."""
_KEPT_OF_A_STATEMENT = (
    *(*PLACE, "--scheduler", "--scale"),
    *("--zipf", "--statement-timeout", "--most-megabytes"),
)
_OF_A_SEARCH = (
    *("backend", "workload", "concurrency", "session-scope", "transactions"),
    *("latency", "jitter", "bandwidth", "processes", "arrivals"),
)
"""The factors that `bench saturate` has options for."""
_GATE = ["bench", "gate"]
_GATE_LENGTHS = {"rounds", "seconds"}
"""The options of `bench gate` that another run may have in place of its own."""
_OF_ONE_RUN = ("--backend", "--explain", "--out", "--label")
"""The options of a study's command that another run must not repeat."""


def command(header: Conditions, case: Case) -> str:
    """Return a shell command with the same factors, rounds, seconds and rows, and no other case
    except the twin. For a study's case, it runs the study of its backend, as it was run.

    It names the database, the module of backends and the cluster if the run's command did. It has
    `***` for a password, as the file has.
    """
    profile = header.profile or ""
    facts = header.statements.get(case.workload)
    study = study_of(profile)
    if study and (facts is None or (facts.files and profile != "query")):
        return _of_study(header, case, study.profiles[profile], facts)
    if facts and facts.files:
        return _of_file(header, case, facts)
    if facts:
        return _of_statement(header, case)
    options: list[tuple[str, Any]] = [("profile", header.profile), *case.options()]
    blocks = PROFILES[profile].blocks if profile in PROFILES else ()
    # A profile that varies a factor would measure its other values too, unless one is asked for.
    for factor in (factor for factor in FACTORS if factor.name in _VARIED):
        others = {value for block in blocks for value in _VARIED[factor.name](block)}
        if factor.left_out(value := getattr(case, factor.name)) and others - {value}:
            options += factor.options_of(value)
    options += [*_length(header), ("scale", header.dataset.scale), ("seed", header.dataset.seed)]
    return " ".join(["bench run", *_given(options), *_conditions(header)])


def whole(header: Conditions, options: Mapping[str, object]) -> str:
    """Return the command that measures all cases of the run with these options in place of its own.

    `options`: name without `--` -> value, of `bench run` and of studies that measure rounds.
    """
    profile, files = header.profile or "quick", _files(header)
    study = study_of(profile)
    usual = f"bench run --profile {shlex.quote(profile)}"
    if study:
        own = study.plain_run in study.profiles.values()
        usual = f"bench run {files}" if files and not own else study.plain_run
    dropped = {f"--{name}" for name in options} | {"--out", "--label"}
    if "rounds" in options:
        dropped.add("--budget")
    typed = without(header.command, dropped)
    of_gate = typed[:2] == _GATE and options.keys() <= _GATE_LENGTHS
    if of_gate:  # it measures the cases of its reference, and not those of a profile
        typed = without(shlex.join(typed), ("--first",))
    if of_gate or typed[:2] == usual.split()[:2]:
        return " ".join([*typed[:2], *_given(options.items()), *map(shlex.quote, typed[2:])])
    if files and files not in usual:
        usual += f" {files}"
    return " ".join([usual, *_given(options.items()), *_place(header)])


def search(header: Conditions, case: Case) -> str:
    """Return the command that searches the highest arrival rate of a case."""
    options = [option for option in case.options() if option[0] in _OF_A_SEARCH]
    words = ["bench saturate", *([files] if (files := _files(header)) else []), *_given(options)]
    return " ".join([*words, *_place(header)])


def here(header: Conditions, command: str) -> str:
    """Return the command on the server, with the modules and the timeout of the run."""
    return " ".join([command, *_place(header)])


def _place(header: Conditions) -> list[str]:
    return [shlex.quote(word) for word in kept(header.command, PLACE)]


def _files(header: Conditions) -> str:
    """Return the options of the workload file that a run measured; empty if it had none."""
    named = [file for facts in header.statements.values() for file in facts.files]
    return " ".join(_given(("workload-file", file) for file in dict.fromkeys(named)))


def _given(options: Iterable[tuple[str, Any]]) -> list[str]:
    """Return the options that have a value, as a shell takes them."""
    return [f"--{name} {shlex.quote(str(value))}" for name, value in options if value is not None]


def _length(header: Conditions) -> list[tuple[str, Any]]:
    """Return the options for the rounds, the seconds of each, and the warm-up if it is special."""
    profile = PROFILES.get(header.profile or "")
    usual = profile is not None and profile.warm_up_s == header.warm_up_s
    return [
        ("rounds", header.rounds),
        ("seconds", header.seconds),
        ("warm-up", None if usual else header.warm_up_s),
    ]


def _conditions(header: Conditions) -> list[str]:
    """Return the options of `bench run` that are no factors, as a shell takes them."""
    flags = {
        "--pin": header.pinned is not None,
        "--guard": bool(header.session_guard),
        "--no-verify": header.verified is None,
    }
    given = [flag for flag, is_given in flags.items() if is_given]
    return [*given, *map(shlex.quote, kept(header.command, (*PLACE, "--scheduler")))]


def _of_study(header: Conditions, case: Case, usual: str, facts: StatementFacts | None) -> str:
    """Return the study's command as it was typed, with this backend; `usual` if it is unknown."""
    typed = without(header.command, _OF_ONE_RUN)
    if typed[:2] == words_of(usual)[:2]:
        return shlex.join([*typed, "--backend", case.backend])
    options: list[tuple[str, Any]] = [("backend", case.backend)]
    if facts:
        options = [("workload-file", file) for file in facts.files] + options
        options.append(("workload", case.workload))
    return " ".join([usual, *_given(options), *_place(header)])


def _of_file(header: Conditions, case: Case, facts: StatementFacts) -> str:
    """Return the command for a workload of a file, which is as it was named."""
    file = _given(("workload-file", file) for file in facts.files)
    factors = [option for option in case.options() if option[0] != "transactions"]
    options = [
        *(factors if facts.units else case.options()),
        *_length(header),
        ("scale", header.dataset.scale),
        ("seed", header.dataset.seed),
    ]
    return " ".join(["bench run", *file, *_given(options), *_conditions(header)])


def _of_statement(header: Conditions, case: Case) -> str:
    """Return the command for a statement of the user's own, with `...` for hidden arguments."""
    facts = header.statements[case.workload]
    typed = kept(header.command, ("--arguments",))
    if facts.parameters and (not typed or any("***" in word for word in typed)):
        typed = ["--arguments", "..."]
    options = [
        ("backend", case.backend),
        *((name, value) for name, value in case.options() if name in _OF_A_STATEMENT),
        *_length(header),
        ("seed", header.dataset.seed),
        ("name", case.workload),
    ]
    given = [*map(shlex.quote, typed), *_given(options)]
    flags = {"--pin": header.pinned is not None, "--allow-writes": not facts.read_only}
    given += [flag for flag, is_given in flags.items() if is_given]
    given += map(shlex.quote, kept(header.command, _KEPT_OF_A_STATEMENT))
    sql = shlex.quote(facts.sql)
    if facts.sql.startswith("-"):  # a comment, which would be read as an option
        return " ".join(["bench query", *given, "--", sql])
    return " ".join(["bench query", sql, *given])
