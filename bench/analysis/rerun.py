"""The command that measures one case of a run again, as it was."""

import shlex
from typing import Any

from bench.model.case import Case
from bench.model.link import Link
from bench.model.profiles import PROFILES
from bench.model.study import study_of
from bench.results.header import Conditions


def command(header: Conditions, case: Case) -> str:
    """Return a shell command with the same factors, rounds, seconds and rows, and no other case
    except the twin. For a study's case, it runs the study of its backend.

    It names no database, so that it contains no password: set DATABASE_URL if the run did not use
    the embedded server. It does not name a module of your own backends either.
    """
    profile = header.profile or ""
    if case.workload in header.statements:
        return _of_statement(header, case)
    if study := study_of(profile):
        return f"{study.profiles[profile]} --backend {shlex.quote(case.backend)}"
    options: dict[str, Any] = {
        "profile": header.profile,
        "backend": case.backend,
        "workload": case.workload,
        "fetch": case.fetch,
        "concurrency": case.concurrency,
        "session-scope": case.session_scope,
        "transactions": case.transactions,
        "rows": case.rows,
        "loop": None if case.loop == "none" else case.loop,
        "rate": case.rate,
        "arrivals": None if case.arrivals == "poisson" else case.arrivals,
        "allocator": None if case.allocator == "warmed" else case.allocator,
        **_link_options(profile, case.link),
        "transport": case.transport or None,
        "processes": _processes(profile, case.processes),
        "rounds": header.rounds,
        "seconds": header.seconds,
        "scale": header.dataset.scale,
        "seed": header.dataset.seed,
    }
    given = [f"--{name} {shlex.quote(str(value))}" for name, value in options.items()
             if value is not None]  # fmt: skip
    given += [f"--connect {shlex.quote(setting)}" for setting in case.connect.split(",") if setting]
    return " ".join(["bench run", *given])


def _processes(profile: str, processes: int) -> int | None:
    """Return the number of processes, also one if the profile has cases of several."""
    has_several = profile in PROFILES and any(
        block.processes != (1,) for block in PROFILES[profile].blocks
    )
    return processes if processes > 1 or has_several else None


def _link_options(profile: str, link: Link) -> dict[str, str | None]:
    """Return the options for the link, also for none if the profile puts one between some cases."""
    if link.is_direct:
        has_links = profile in PROFILES and any(
            b.links != (link,) for b in PROFILES[profile].blocks
        )
        return {"latency": "0" if has_links else None}
    return {
        "latency": f"{link.latency_ns / 1e6:g}ms",
        "jitter": f"{link.jitter_ns / 1e6:g}ms" if link.jitter_ns else None,
        "bandwidth": f"{link.bytes_per_s * 8 / 1e6:g}Mbit" if link.bytes_per_s else None,
    }


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
    given = [f"--{name} {shlex.quote(str(value))}" for name, value in options.items()
             if value is not None]  # fmt: skip
    if not facts.read_only:
        given.append("--allow-writes")
    return " ".join(["bench query", shlex.quote(facts.sql), *given])
