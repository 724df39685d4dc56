"""A comparison as text: for a terminal, for a script, as Markdown, and for GitHub's checks."""

import json
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.analysis.compare.comparison import ComparedCase, Comparison
from bench.analysis.stats import Interval
from bench.analysis.verdict import Verdict, in_words

_STYLES = {"faster": "bold green", "slower": "bold red"}


def render(comparison: Comparison) -> RenderableType:
    """Return the comparison for a terminal: differences, a table per workload, the legend."""
    parts: list[RenderableType] = [Text(line, style="dim") for line in surroundings(comparison)]
    for workload, rows in comparison.workloads.items():
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title_justify="left")
        table.add_column(Text(workload, style="bold"), no_wrap=True)
        for name in comparison.names[1:]:
            table.add_column(name, no_wrap=True)
        for row in rows:
            table.add_row(_case(row), *(_cell(verdict) for verdict in row.verdicts))
        parts += [Text(), table]
    legend = Text("\n".join(_legend(comparison)), style="dim")
    return Group(*parts, Text(), legend, *map(Text, _warnings(comparison)))


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison as Markdown, for a document or a pull request."""
    heading = ["case", *comparison.names[1:]]
    lines = [f"- {line}" for line in surroundings(comparison)]
    for workload, rows in comparison.workloads.items():
        lines += ["", f"**{workload}**", "", _line(heading), _line(["---"] * len(heading))]
        lines += [_line([_case(row), *(_cell(v).plain for v in row.verdicts)]) for row in rows]
    return "\n".join([*lines, "", *_legend(comparison), "", *_warnings(comparison)])


def as_json(comparison: Comparison, margin: float | None) -> str:
    """Return the comparison as JSON, for a script. Ratios are to the first run.

    `margin`: the slowdown that the gate permits, as a share; `failed` has the cases beyond it. With
    None, no case fails.
    """
    failed = [] if margin is None else comparison.worse_than(margin)
    document = {
        "runs": comparison.names,
        "figure": comparison.figure.field,
        "differences": {change.what: change.values for change in comparison.differences},
        "forced": comparison.obstacles,
        "noise_floors": [_interval(floor.ratio) if floor else None for floor in comparison.floors],
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
        "fail_on": margin,
        "failed": [{"run": name, "key": case.key} for name, case, _ in failed],
    }
    return json.dumps(document, indent=2)


def as_github(comparison: Comparison, margin: float | None) -> str:
    """Return the comparison as workflow commands of GitHub.

    A case that fails the gate is an error, another slower case is a warning. `margin`: as in
    `as_json`.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    stopped = [] if margin is None else comparison.worse_than(margin)
    slower = f"slower than {comparison.names[0]}"
    lines = [
        _command("error", slower, f"{case.title}: {verdict} in {name}")
        for name, case, verdict in stopped
    ]
    for row in comparison.rows:
        for name, verdict in zip(comparison.names[1:], row.verdicts, strict=True):
            known = verdict and (name, row.case, verdict) in stopped
            if verdict and verdict.word == "slower" and not known:
                lines.append(_command("warning", slower, f"{row.case.title}: {verdict} in {name}"))
    lines += [_command("notice", "what differs", line) for line in surroundings(comparison)]
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


def _legend(comparison: Comparison) -> list[str]:
    first = comparison.names[0]
    lines = [
        f"{comparison.figure.title}: the ratio to {first}, with its 95 % interval over rounds."
        " faster, slower: the interval excludes 1, and the ratio is beyond the noise floor."
        " ~ no difference was found."
    ]
    if any(v and v.word == "undecided" for row in comparison.rows for v in row.verdicts):
        lines.append(
            "? one of the runs has fewer than 6 rounds: there is no verdict, and the interval"
            " promises less than 95 %."
        )
    for name, floor in zip(comparison.names, comparison.floors, strict=True):
        words = str(floor) if floor else "none was measured"
        lines.append(f"Noise floor of {name}: {words}.")
    pairs = sum(1 for row in comparison.rows for verdict in row.verdicts if verdict)
    lines.append(
        f"Of {pairs} comparisons, one in twenty would leave its interval by chance alone. The"
        " rounds of the runs were not interleaved: measure each run twice before you believe a"
        " small difference."
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


def _cell(verdict: Verdict | None) -> Text:
    if verdict is None or verdict.ratio is None:
        return Text("-")
    words = in_words(verdict.ratio)
    symbol = {"indistinguishable": "~", "undecided": "?"}.get(verdict.word, verdict.word)
    return Text(f"{words} {symbol}", style=_STYLES.get(verdict.word, ""))


def _line(cells: list[str]) -> str:
    plain = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(plain)} |"


def _verdict(verdict: Verdict | None) -> dict[str, Any] | None:
    if verdict is None:
        return None
    ratio = _interval(verdict.ratio) if verdict.ratio else None
    return {"verdict": verdict.word, "ratio": ratio, "noise_floor": verdict.floor}


def _interval(ratio: Interval) -> dict[str, Any]:
    return {"ratio": ratio.median, "low": ratio.low, "high": ratio.high, "rounds": ratio.rounds}
