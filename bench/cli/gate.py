"""`bench gate`: measure, compare with a reference, measure again what would stop, and decide."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.compare import as_share, show
from bench.cli.options import (
    MOST_REPEATED,
    Seconds,
    admin_url_option,
    backend_options,
    database_url_option,
    figure_option,
    named,
    same_code_option,
    timeout_option,
    workload_files_option,
    workload_option,
)
from bench.model.errors import UsageError
from bench.output.terminal.safe_text import echo

if TYPE_CHECKING:
    from bench.analysis.compare.cases import Again
    from bench.analysis.compare.comparison import Comparison, SummedUp
    from bench.analysis.figure import Figure
    from bench.model.case import Case
    from bench.results.file import Results
    from bench.results.header import Header

AGAIN_ROUNDS = 2
"""The rounds of the second measurement, in multiples of the first one's."""


@click.command()
@click.argument("reference", metavar="REFERENCE")
@click.option(
    "--fail-on",
    "margin",
    default="10%",
    show_default=True,
    callback=as_share,
    metavar="SHARE",
    help="The slowdown from which the gate stops.",
)
@click.option(
    "--first",
    metavar="RUN",
    help="A run to use as the first measurement, such as latest. Default: measure one.",
)
@same_code_option
@figure_option
@backend_options
@workload_option
@workload_files_option("Measure the workloads")
@click.option(
    "--rounds",
    type=click.IntRange(1, MOST_REPEATED),
    help="Number of runs of each case.  [default: the reference's]",
)
@click.option(
    "--seconds",
    type=Seconds(0.01, 3600),
    help="Length of each run.  [default: the reference's]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown", "github"]),
    default="text",
    show_default=True,
    help="A table for the terminal; JSON for a script; Markdown; or messages for GitHub Actions.",
)
@click.option("--allow-blind", is_flag=True, help="Exit with 0 where the code would be 3.")
@database_url_option
@admin_url_option
@timeout_option
@click.option(
    "--verify/--no-verify",
    default=True,
    help="Compare all answers with the server's own before timing.",
)
@click.option("--quiet", is_flag=True, help="Print no progress.")
def gate(
    reference: str,
    margin: float,
    first: str | None,
    same_code: tuple[str, ...],
    figure_name: str | None,
    backends: tuple[str, ...],
    backend_modules: tuple[str, ...],
    workloads: tuple[str, ...],
    workload_files: tuple[str, ...],
    rounds: int | None,
    seconds: float | None,
    form: str,
    allow_blind: bool,
    database_url: str | None,
    admin_url: str | None,
    timeout: float,
    verify: bool,
    quiet: bool,
) -> int:
    """Measure the cases of a reference run, and fail if any of them became slower.

    The command measures every case of the reference, and compares. What looks slower by more than
    --fail-on is measured again, with ten controls, before it stops the gate. The chance that the
    gate stops without a reason is at most 5 %, over all cases together. Fewer than ten cases cannot
    tell a slower machine from slower code: name further runs of the reference's code by
    --same-code.

    The exit code is 0 if nothing is slower, 1 if something is, 2 for wrong usage, and 3 if nothing
    was found but a slowdown of --fail-on could have gone unseen.

    \b
    Examples:
      bench gate reference --fail-on 10%
      bench gate reference --backend asyncpg --backend orm+asyncpg --figure cpu
      bench gate previous --first latest --fail-on 5%
      bench gate reference --workload-file shop.py --workload orders
      bench gate monday --same-code tuesday --same-code friday --backend asyncpg
    """
    from bench.analysis.figure import FIGURES, usual_figure
    from bench.cli.gate_measurement import chosen_cases, measure
    from bench.cli.gate_options import GateOptions
    from bench.cli.gate_same_code import further_runs
    from bench.cli.gate_words import Hints, gate_lines
    from bench.cli.measurement import command_line
    from bench.results import archive
    from bench.results import file as results

    named("figure", [figure_name] if figure_name else [], FIGURES)
    base_folder = archive.find(reference, archive.home())
    base = results.load(base_folder)
    options = GateOptions(
        backends,
        backend_modules,
        workloads,
        rounds,
        seconds,
        database_url,
        admin_url,
        workload_files,
        timeout,
        verify,
        quiet,
    )
    cases = chosen_cases(base.header, options)
    further = further_runs(
        base.header, [archive.find(run, archive.home()) for run in same_code], cases
    )
    if first:
        folder = archive.find(first, archive.home())
    else:
        folder = measure(base.header, cases, options, "gate")
    figure = FIGURES[figure_name or usual_figure(cases)]
    gated = _Gated(base, folder, figure, margin, cases, further)
    decision = gated.decision
    hints = Hints(base.header, command_line(database_url, admin_url=admin_url))
    if decision.doubtful:
        for line in gate_lines(decision, hints):
            echo(line, err=True)
        again = gated.to_measure_again()
        echo(f"measuring {len(again)} cases again before anything stops", err=True)
        gated.pool(measure(base.header, again, options, "gate-again", AGAIN_ROUNDS))
    show(gated.comparison, form, gated.decision)
    for line in gate_lines(gated.decision, hints):
        echo(line, err=True)
    echo(f"gate: {gated.decision.word}", err=True)
    return gated.decision.exit_code(allow_blind=allow_blind)


class _Gated:
    """A reference, the run that is gated, and what is decided on them."""

    def __init__(
        self,
        base: "Results",
        folder: Path,
        figure: "Figure",
        margin: float,
        cases: "Sequence[Case]",
        same_code: "Sequence[SummedUp]",
    ) -> None:
        from bench.analysis.compare.comparison import SummedUp, only
        from bench.results import file as results

        self._margin, self._figure, self._same_code = margin, figure, same_code
        self._runs = [
            SummedUp.of("reference", only(base, cases), judged=cases),
            SummedUp.of(folder.resolve().name, only(results.load(folder), cases)),
        ]
        self.comparison = self._compare()
        if self.comparison.obstacles:
            raise UsageError(
                "; ".join(self.comparison.obstacles) + ".\nMeasure both runs with the same options."
            )
        if self.comparison.left_out and not self.comparison.rows:
            raise UsageError(
                f"{self.comparison.left_out}.\n"
                "Measure a reference with longer --seconds, or choose another --figure."
            )
        if not self.comparison.rows:
            raise UsageError(
                f"{folder} has no case in common with the reference by {figure.title}.\n"
                "Leave --first out, or choose another --figure."
            )
        self.decision = self.comparison.gate(margin)

    def to_measure_again(self) -> "list[Case]":
        """Return the cases in question, and the controls."""
        from bench.analysis.compare.gate import to_measure_again

        ((_, compared),) = self.comparison.compared
        return to_measure_again(self.decision, compared)

    def pool(self, folder: Path) -> None:
        """Decide from both measurements."""
        from bench.analysis.compare.cases import Again, compare_cases
        from bench.analysis.compare.comparison import measured_run
        from bench.analysis.compare.gate import confirmed, decide
        from bench.results import file as results

        repeated = results.load(folder)
        self._check_same(repeated.header)
        second = measured_run(repeated)
        in_question = frozenset(gated.case for gated in self.decision.suspects)
        alone = compare_cases(self._runs[0].measured, second, self._figure)
        self.comparison = self._compare(Again(second, in_question))
        self.decision = confirmed(
            self.decision,
            self.comparison.gate(self._margin),
            decide([("again", alone)], self._margin),
        )

    def _check_same(self, second: "Header") -> None:
        """Raise `UsageError` if the second measurement had other conditions than the first."""
        from bench.analysis.compare.comparable import changes_between

        if changes := changes_between(self._runs[1].header, second):
            words = "; ".join(map(str, changes))
            raise UsageError(
                f"the second measurement was not made as the first was ({words}).\n"
                "Both are to be one: give the gate the server and the options of --first, or leave"
                " --first out; and change nothing while it measures."
            )

    def _compare(self, again: "Again | None" = None) -> "Comparison":
        from bench.analysis.compare.comparison import compare_summed_up

        return compare_summed_up(self._runs, self._figure, again, self._same_code)
