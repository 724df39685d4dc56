"""`bench audit`: test every claim about the figures against a known truth."""

from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.options import completed, database_url_option, named, no_workload_file
from bench.model.dataset import Dataset
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.studies.audit.claim import Claim, Laboratory, Outcome
    from bench.studies.audit.result_file import CheckedClaim


def _names() -> "Iterable[str]":
    from bench.studies.audit.claims import CLAIMS

    return [claim.name for claim in CLAIMS]


@click.command()
@no_workload_file(
    "its claims are about workloads whose truth is known",
    "Measure the file: bench run --workload-file.",
)
@click.option(
    "--claim",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=completed(_names),
    help="Only this claim. Repeatable.",
)
@click.option("--simulations", is_flag=True, help="Only the claims that need no server.")
@click.option("--list", "only_list", is_flag=True, help="Show the claims and test none.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the outcomes to audit.json in this folder. What it has of other claims stays.",
)
@database_url_option
def audit(
    names: tuple[str, ...],
    simulations: bool,
    only_list: bool,
    out: Path | None,
    database_url: str | None,
) -> int:
    """Test the claims of docs/method.md: simulations with a known truth, and short real runs.

    Each claim is shown with how it is tested, the truth, what was measured, and what the rule
    before it gave. The exit code is 1 if a claim does not hold.

    \b
    Examples:
      bench audit --simulations
      bench audit --claim throughput-examples
    """
    from bench.cli.measurement import check_out
    from bench.studies.audit import result_file
    from bench.studies.audit.claims import CLAIMS
    from bench.studies.audit.result_file import CheckedClaim

    wanted = named("claim", names, _names(), "bench audit --list")
    chosen = [claim for claim in CLAIMS if not wanted or claim.name in wanted]
    if simulations:
        chosen = [claim for claim in chosen if not claim.needs_server]
    if not chosen:
        raise UsageError(
            "these claims need a server, and --simulations leaves them out.\n"
            "Leave out --simulations, or see bench audit --list."
        )
    if only_list:
        for claim in chosen:
            echo(f"{claim.name}: {claim.statement}")
        return 0
    check_out(out)
    tested: list[CheckedClaim] = []
    try:
        for claim, outcome in _test(chosen, database_url):
            tested.append(CheckedClaim.of(claim, outcome))
            echo(_shown(tested[-1]))
    finally:
        if out and tested:
            echo(f"Written: {result_file.write(out, tested, [*_names()])}")
    wrong = [claim.name for claim in tested if not claim.holds]
    echo(f"{len(tested) - len(wrong)} of {len(tested)} claims hold.")
    return 1 if wrong else 0


def _test(claims: "list[Claim]", database_url: str | None) -> "Iterator[tuple[Claim, Outcome]]":
    """Yield each claim with its outcome, as soon as it is known."""
    needs_server = any(claim.needs_server for claim in claims)
    with _laboratory(database_url) if needs_server else nullcontext() as laboratory:
        for claim in claims:
            yield claim, claim.test(laboratory)


@contextmanager
def _laboratory(database_url: str | None) -> "Iterator[Laboratory]":
    from bench.dataset import loading as rows
    from bench.dataset import lock
    from bench.measure.worker_pool import WorkerPool
    from bench.server.database import postmaster_pid
    from bench.server.resolution import resolve
    from bench.studies.audit.claim import CONNECTIONS, DRIVERS, Laboratory
    from bench.system.limits import check_open_files

    database, dataset = resolve(database_url, DRIVERS), Dataset()
    with lock.held(database) as held, WorkerPool() as worker_pool:
        check_open_files(CONNECTIONS)
        database.check_capacity(CONNECTIONS + 1)
        rows.ensure(held.connection, dataset)
        pid = postmaster_pid(held.connection)
        yield Laboratory(dataset, database.url_for, worker_pool, pid)


def _shown(claim: "CheckedClaim") -> str:
    lines = [
        f"{'holds' if claim.holds else 'FAILS'}  {claim.name}: {claim.statement}",
        f"       tested    {claim.method}",
        f"       truth     {claim.truth}",
        f"       measured  {claim.measured}",
    ]
    return "\n".join(lines + ([f"       before    {claim.before}"] if claim.before else []))
