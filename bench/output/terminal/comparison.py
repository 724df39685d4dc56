"""A comparison as text: for a terminal, for a script, as Markdown, and for GitHub's checks."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from bench.analysis.compare.cases import Change, RunsCompared
from bench.analysis.compare.comparison import ComparedCase, Comparison
from bench.analysis.compare.gate import GatedCase, GateDecision
from bench.analysis.noise_floor import NoiseFloor
from bench.analysis.stats import ENOUGH_ROUNDS, Interval
from bench.analysis.verdict import in_words
from bench.output.terminal.whole_table import WholeTable

_STYLES = {"faster": "bold green", "slower": "bold red"}
_SYMBOLS = {"indistinguishable": "~", "undecided": "?"}


def render(comparison: Comparison) -> RenderableType:
    """Return the comparison for a terminal: differences, a table per workload, the legend."""
    parts: list[RenderableType] = [Text(line, style="dim") for line in surroundings(comparison)]
    parts += [Text(line) for line in together(comparison)]
    for workload, rows in comparison.workloads.items():
        table = WholeTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), title_justify="left")
        table.add_column(Text(workload, style="bold"))
        for name in comparison.names[1:]:
            table.add_column(name, no_wrap=True)
            table.add_column("visible", no_wrap=True, justify="right", style="dim")
        for row in rows:
            table.add_row(
                _case(row), *(cell for v in row.verdicts for cell in (_cell(v), _seen(v)))
            )
        parts += [Text(), table]
    legend = Text("\n".join(_legend(comparison)), style="dim")
    seen = map(Text, visible(comparison))
    return Group(*parts, Text(), *seen, legend, *map(Text, _warnings(comparison)))


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison as Markdown, for a document or a pull request."""
    heading = ["case", *(head for name in comparison.names[1:] for head in (name, "visible"))]
    lines = [f"- {line}" for line in [*surroundings(comparison), *together(comparison)]]
    for workload, rows in comparison.workloads.items():
        lines += ["", f"**{workload}**", "", _line(heading), _line(["---"] * len(heading))]
        lines += [
            _line([_case(row), *(t for v in row.verdicts for t in (_cell(v).plain, _seen(v)))])
            for row in rows
        ]
    ends = [*visible(comparison), *_legend(comparison), "", *_warnings(comparison)]
    return "\n".join([*lines, "", *ends])


def as_json(comparison: Comparison, decision: GateDecision | None) -> str:
    """Return the comparison as JSON, for a script. Ratios are to the first run.

    `decision`: that of the gate; `failed` has the cases that it stops. None without a gate.
    """
    document = {
        "runs": comparison.names,
        "figure": comparison.figure.field,
        "differences": {change.what: change.values for change in comparison.differences},
        "forced": comparison.obstacles,
        "noise_floors": [_floor(floor) if floor else None for floor in comparison.floors],
        "cautions": [
            [vars(warning) for warning in of_run] for of_run in comparison.result_warnings
        ],
        "cases": [
            {
                "key": row.case.key,
                "verdicts": [_verdict(verdict) for verdict in row.verdicts],
            }
            for row in comparison.rows
        ],
        "together": [_together(name, compared) for name, compared in comparison.compared],
        "fail_on": decision.margin if decision else None,
        "failed": [
            {"run": stop.run, "key": stop.case.key}
            for stop in (decision.stopped if decision else ())
        ],
        "gate": _decision(decision) if decision else None,
    }
    return json.dumps(document, indent=2)


def as_github(comparison: Comparison, decision: GateDecision | None) -> str:
    """Return the comparison as workflow commands of GitHub.

    A case that fails the gate is an error, another slower case is a warning. `decision`: as in
    `as_json`.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    stopped = [(stop.run, stop.case, stop.change) for stop in decision.stopped] if decision else []
    slower = f"slower than {comparison.names[0]}"
    lines = [
        _command("error", slower, f"{case.title}: {verdict} in {name}")
        for name, case, verdict in stopped
    ]
    for together_stopped in decision.common_stopped if decision else ():
        words = f"{_slowdown(together_stopped.common.slowdown)} in {together_stopped.run}"
        lines.append(_command("error", slower, f"all cases together: {words}"))
    for row in comparison.rows:
        for name, verdict in zip(comparison.names[1:], row.verdicts, strict=True):
            known = verdict and (name, row.case, verdict) in stopped
            if verdict and verdict.word == "slower" and not known:
                lines.append(_command("warning", slower, f"{row.case.title}: {verdict} in {name}"))
    for gated in decision.failed if decision else ():
        words = f"{gated.case.title}: no verdict in {gated.run}, since it failed there"
        lines.append(_command("warning", "could not be judged", words))
    for gated in decision.unclear if decision else ():
        words = "within what runs of the same code differ by"
        if gated.change.same_code is None:
            words = "slower than the other cases"
        words = f"{gated.case.title}: {words} in {gated.run}"
        lines.append(_command("warning", "unclear", words))
    around = [*surroundings(comparison), *together(comparison)]
    lines += [_command("notice", "what differs", line) for line in around]
    blind = decision is not None and bool(decision.blind or decision.common_blind)
    kind = "warning" if blind else "notice"
    lines += [_command(kind, "what could be seen", line) for line in visible(comparison)]
    lines += [_command("notice", "warning", line) for line in _warnings(comparison)]
    counted = f"{len(comparison.rows)} cases compared, {len(stopped)} failed the gate"
    return "\n".join([*lines, _command("notice", "bench compare", counted)])


def _command(kind: str, title: str, message: str) -> str:
    """Return a workflow command, escaped like in GitHub's toolkit: a name can't add a command."""
    for character, code in {"%": "%25", "\r": "%0D", "\n": "%0A"}.items():
        title, message = title.replace(character, code), message.replace(character, code)
    title = title.replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={title}::{message}"


def surroundings(comparison: Comparison) -> list[str]:
    """Return the differences between the environments, and the obstacles that were overridden."""
    forced = [f"COMPARED BY FORCE: {obstacle}" for obstacle in comparison.obstacles]
    differences = [str(difference) for difference in comparison.differences]
    runs = " -> ".join(comparison.names)
    return [*forced, *(differences or [f"{runs}: the same versions, server, machine and options"])]


def together(comparison: Comparison) -> list[str]:
    """Return a line for each run: how all its cases together differ from the first run's."""
    return [
        f"All cases together in {name}: {_slowdown(compared.common.slowdown)}"
        f", {_SYMBOLS.get(compared.common_word, compared.common_word)}. It is divided out below."
        for name, compared in comparison.compared
        if compared.common
    ]


def visible(comparison: Comparison) -> list[str]:
    """Return a line for each run: the smallest slowdowns that could have been seen."""
    lines = []
    for seen in comparison.visibility:
        shares = (seen.over_all, seen.typical, seen.worst.change.visible)
        most, half, worst = map(share_in_words, shares)
        line = (
            f"Smallest slowdown that would be seen in {seen.run}: {most} in nine of ten cases,"
            f" {half} in half of them, {worst} in the worst ({seen.worst.case.title})"
        )
        if seen.has_common:
            line += f", {share_in_words(seen.common)} in all cases together"
        lines.append(f"{line}.")
    return lines


def share_in_words(share: float | None) -> str:
    """Return a visible slowdown as `9.4%`, `25%` or `2.3x`, with two digits; `none` for None."""
    if share is None:
        return "none"
    if share < 0.0995:
        return f"{100 * share:.2g}%"
    return f"{share:.0%}" if share < 1 else f"{share + 1:.1f}x"


def _slowdown(slowdown: Interval) -> str:
    """Return a slowdown as a ratio of speed, as everywhere in the comparison."""
    low = None if slowdown.high is None else 1 / slowdown.high
    high = None if slowdown.low is None else 1 / slowdown.low
    speed = Interval(1 / slowdown.median, low, high, slowdown.rounds)
    return f"{in_words(speed)} as fast"


def _legend(comparison: Comparison) -> list[str]:
    first = comparison.names[0]
    verdicts = [verdict for row in comparison.rows for verdict in row.verdicts if verdict]
    lines = [
        f"{comparison.figure.title}: the ratio to {first}, with its 95 % interval over rounds."
        " faster, slower: the interval excludes 1, the ratio is beyond the noise floor, and Holm's"
        f" method finds it among all {len(verdicts)} comparisons: one wrong verdict in twenty such"
        " tables. ~ no difference was found."
    ]
    if any(_maybe(verdict) for verdict in verdicts):
        lines.append(
            "slower?, faster?: different by itself, but among so many comparisons one may be so by"
            " chance."
        )
    if any(verdict.word == "undecided" for verdict in verdicts):
        lines.append(
            f"? one of the runs has fewer than {ENOUGH_ROUNDS} rounds, or a failure: there is no"
            " verdict, and the interval may promise less than 95 %."
        )
    if comparison.left_out:
        lines.append(f"{comparison.left_out}. Measure both runs with longer rounds (--seconds).")
    if sets := sum(verdict.witness == "sets" for verdict in verdicts):
        lines.append(
            f"{sets} of them with too few equal pairs are judged by the spread between sets of"
            " worker processes, in place of the noise floor."
        )
    lines.append("visible: the smallest slowdown that would be seen, in four of five such runs.")
    for name, floor in zip(comparison.names, comparison.floors, strict=True):
        words = str(floor) if floor else "none was measured"
        lines.append(f"Noise floor of {name}: {words}.")
    lines.append(
        "The rounds of the runs were not interleaved: what differed between the runs is in the"
        " ratios. Measure each run twice before you believe a small difference."
    )
    return lines


def _warnings(comparison: Comparison) -> list[str]:
    return [
        f"! {name}: {warning.symptom}. Try: {warning.cure}"
        for name, of_run in zip(comparison.names, comparison.result_warnings, strict=True)
        for warning in of_run
    ]


def _case(row: ComparedCase) -> str:
    return row.case.title.replace(f", {row.case.workload}", "")


def _cell(verdict: Change | None) -> Text:
    if verdict is not None and verdict.rate_lost:
        return Text("rate no longer held", style=_STYLES["slower"])
    if verdict is None or verdict.ratio is None:
        return Text("-")
    symbol = _SYMBOLS.get(verdict.word, verdict.word)
    if _maybe(verdict):
        symbol = f"{verdict.alone}?"
    return Text(f"{in_words(verdict.ratio)} {symbol}", style=_STYLES.get(verdict.word, ""))


def _maybe(verdict: Change) -> bool:
    """Return whether a case differs by itself, but not among all cases."""
    return verdict.alone in ("faster", "slower") and verdict.word != verdict.alone


def _seen(verdict: Change | None) -> str:
    return share_in_words(verdict.visible) if verdict and verdict.ratio else "-"


def _line(cells: list[str]) -> str:
    plain = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(plain)} |"


def _verdict(verdict: Change | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    ratio = _interval(verdict.measured) if verdict.measured else None
    return {
        "verdict": verdict.word,
        "ratio": ratio,
        "noise_floor": verdict.floor,
        "relative": _interval(verdict.ratio) if verdict.ratio else None,
        "alone": verdict.alone,
        "visible": verdict.visible,
        "rate_lost": verdict.rate_lost,
    }


def _together(name: str, compared: RunsCompared) -> dict[str, Any]:
    common = compared.common
    return {
        "run": name,
        "slowdown": _interval(common.slowdown) if common else None,
        "verdict": compared.common_word if common else None,
        "visible": compared.common_visible,
    }


def _decision(decision: GateDecision) -> dict[str, Any]:
    return {
        "decision": decision.word,
        "exit_code": decision.exit_code(),
        "suspected": _listed(decision.suspects),
        "blind": _listed(decision.blind),
        "unclear": _listed(decision.unclear),
        "without_verdict": _listed(decision.failed),
        "together_failed": [gated.run for gated in decision.common_stopped],
        "together_blind": [gated.run for gated in decision.common_blind],
    }


def _listed(cases: Sequence[GatedCase]) -> list[dict[str, str]]:
    return [{"run": gated.run, "key": gated.case.key} for gated in cases]


def _floor(floor: NoiseFloor) -> dict[str, Any]:
    by_kind = {kind: floor.of_kind(kind).factor for kind in floor.kinds}
    return {**_interval(floor.pairs[0].ratio), "factor": floor.factor, "by_kind": by_kind}


def _interval(ratio: Interval) -> dict[str, Any]:
    return {"ratio": ratio.median, "low": ratio.low, "high": ratio.high, "rounds": ratio.rounds}
