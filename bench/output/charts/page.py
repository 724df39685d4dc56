"""A figure with its texts: title, conditions, legend, errors, and the environment."""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from bench.analysis.selection import Selection
from bench.analysis.summary import Summary
from bench.model.units import number
from bench.output.charts.style import MUTED, RED
from bench.results.header import Environment
from bench.system.folder import Folder
from bench.system.interrupts import held_back
from bench.system.output_files import file_name

WIDTH_IN = 10.0
DPI = 160
_TITLE = 1.4
"""The size of the title, as a multiple of that of the other texts."""
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|[nµm]?s|[kMG]?B)(?!\w))")
MARGIN_IN = 0.15
"""The distance of the texts from the edges of the figure."""


def page(
    selection: Selection,
    title: str,
    subtitle: str,
    *,
    failed: Iterable[Summary] = (),
    beside: str = "",
    intervals: bool = True,
    **options: Any,
) -> tuple[Figure, list[list[Axes]]]:
    """Return a `sheet` with the caption of the results of one run.

    `failed`: summaries; those with errors are named in red. `beside`: the setting (loop, allocator,
    connect) of which the chart shows every value, and not the first alone. `intervals`: whether
    intervals are drawn, so that the caption says which. `options`: those of `sheet`.
    """
    words = caption(selection, beside=beside, intervals=intervals)
    return sheet(title, subtitle, words, error_note(failed), **options)


def sheet(
    title: str,
    subtitle: str,
    small_print: str,
    note: str = "",
    *,
    height: float,
    columns: int = 1,
    rows: int = 1,
    left: float = 0.85,
    right: float = 0.25,
    bottom: float = 0.5,
    legend: Sequence[Artist] = (),
    legend_columns: int = 0,
    gap: float = 0.25,
    row_gap: float = 0.45,
    width: float = WIDTH_IN,
    size: float = 10,
    titled: bool = False,
    **axes_options: Any,
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with its texts, and its empty axes by row. All lengths are in inches.

    `height`: of the axes alone. `bottom`: the room for the tick labels and the label of the lowest
    axes. `note`: a text in red. `titled`: whether the panels have titles. `size`: the font size in
    points.
    """
    line = size / 72 * 1.42
    room = width - 2 * MARGIN_IN
    heading = lines_of(title, size * _TITLE, room, weight="bold")
    words = lines_of(subtitle, size, room)
    notes = lines_of(note, size * 0.9, room)[:4]
    small = lines_of(small_print, size * 0.9, room)
    legend_rows = -(-len(legend) // (legend_columns or max(1, len(legend))))
    title_in = len(heading) * size * _TITLE / 72 * 1.5
    above = 0.18 + title_in + len(words) * line + 0.1 + legend_rows * line * 1.25
    above += 0.32 if titled else 0.1
    below = bottom + (len(notes) + len(small)) * line + 0.2
    total = above + height + below
    figure = Figure(figsize=(width, total), dpi=DPI)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **axes_options)
    inner = (width - left - right - gap * (columns - 1)) / columns
    row_height = (height - row_gap * (rows - 1)) / rows
    figure.subplots_adjust(
        left / width,
        below / total,
        1 - right / width,
        1 - above / total,
        gap / inner,
        row_gap / row_height,
    )
    x, y = MARGIN_IN / width, 1 - MARGIN_IN / total
    figure.text(x, y, "\n".join(heading), size=size * _TITLE, weight="bold", va="top")
    y -= title_in / total
    figure.text(x, y, "\n".join(words), size=size, color=MUTED, va="top", linespacing=1.25)
    y -= (len(words) * line + 0.04) / total
    if legend:
        figure.legend(
            handles=list(legend),
            loc="upper left",
            bbox_to_anchor=(x - 0.005, y),
            ncols=legend_columns or len(legend),
            fontsize=size,
            handlelength=2.6,
            columnspacing=1.6,
            borderaxespad=0,
            borderpad=0.1,
        )
    base = 0.12 / total
    figure.text(
        x, base, "\n".join(small), size=size * 0.9, color=MUTED, va="bottom", linespacing=1.3
    )
    if notes:
        base += len(small) * line / total
        figure.text(x, base, "\n".join(notes), size=size * 0.9, color=RED, va="bottom")
    return figure, [list(row) for row in axes]


def lines_of(text: str, size: float, width: float, weight: str = "normal") -> list[str]:
    """Return the text in lines of at most `width` inches, in a font of `size` points.

    A line breaks at a space that is not before a unit, and within a word only if the word alone is
    longer than a line.
    """
    lines: list[str] = []
    line, used = "", 0.0
    space = width_in(" ", size, weight)
    for word in filter(None, re.split("[ \n]+", _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", text))):
        rest, long = word, width_in(word, size, weight)
        if line and used + space + long <= width:
            line, used = f"{line} {word}", used + space + long
            continue
        lines += [line] if line else []
        while len(rest) > 1 and long > width:
            fits = next(
                n
                for n in range(len(rest) - 1, 0, -1)
                if n == 1 or width_in(rest[:n], size, weight) <= width
            )
            lines.append(rest[:fits])
            rest = rest[fits:]
            long = width_in(rest, size, weight)
        line, used = rest, long
    return [*lines, line] if line else lines


def width_in(text: str, size: float, weight: str = "normal") -> float:
    """Return by how many inches the text moves what follows it, in the font of the charts.

    A text alone is narrower: the room before its first letter and after its last is not in it. So a
    line of words is as wide as its words and spaces, and each word is measured once.
    """
    return (_drawn_px(f"|{text}|", size, weight) - _drawn_px("||", size, weight)) / DPI


@lru_cache(4096)
def _drawn_px(text: str, size: float, weight: str) -> float:
    font = FontProperties(size=size, weight=weight)
    width, _, _ = _measure().get_text_width_height_descent(text, font, False)
    return float(width)


@cache
def _measure() -> Any:
    """Return a renderer to measure texts with. matplotlib declares no types for it."""
    renderer: Any = RendererAgg
    return renderer(1, 1, DPI)


def error_note(summaries: Iterable[Summary]) -> str:
    """Return the cases with failures and the reasons; an empty text if nothing failed."""
    cases = [
        f"{summary.case.title.replace(f', {summary.case.workload}', '')} ({_why(summary)})"
        for summary in summaries
        if summary.marked
    ]
    return (
        f"\N{MULTIPLICATION SIGN} failed, and not counted in the figures: {'; '.join(cases)}"
        if cases
        else ""
    )


def caption(selection: Selection, *, beside: str = "", intervals: bool = True) -> str:
    """Return machine, versions, date and method, in a line that may break between them.

    `beside`, `intervals`: as in `page`.
    """
    parts = _conditions(selection, beside)
    words = selection.intervals_in_words if intervals else ""
    return in_a_line(*parts, words, *_quality(selection))


def caption_of_runs(runs: Mapping[str, Selection]) -> str:
    """Return the caption of several runs by name, which says where they differ.

    What all runs have in common stands once. The intervals of single runs are left out: a chart of
    several runs shows ratios.
    """
    parts = [[*_conditions(run), *_quality(run, "no noise floor", "not pinned")]
             for run in runs.values()]  # fmt: skip
    return in_a_line(
        *(_of_all(dict(zip(runs, part, strict=True))) for part in zip(*parts, strict=True))
    )


def _of_all(part_by_run: Mapping[str, str]) -> str:
    """Return a part of the caption once, if it is the same in all runs, else with their names."""
    texts = list(part_by_run.values())
    if len(set(texts)) == 1:
        return texts[0]
    return "; ".join(f"{name}: {text or '-'}" for name, text in part_by_run.items())


def _conditions(selection: Selection, beside: str = "") -> list[str]:
    header = selection.header
    ways = f"--connect {', '.join(header.connect)}" if header.connect else ""
    return [
        *machine(header.environment, header.packages),
        "" if beside == "loop" else selection.loop_in_words,
        "" if beside == "allocator" else selection.allocator_in_words,
        ways if beside == "connect" else selection.connected_in_words,
        "watched by session_guard" if header.session_guard else "",
        header.created_at[:10],
        f"{selection.load_in_words}, {selection.windows_in_words}",
    ]


def _quality(selection: Selection, no_floor: str = "", not_pinned: str = "") -> list[str]:
    floor = selection.floor
    return [
        f"noise floor {number(floor.factor)}x" if floor else no_floor,
        str(selection.header.pinned or not_pinned),
    ]


def machine(environment: Environment, packages: Mapping[str, str]) -> list[str]:
    """Return the environment in words: machine, Python, server, libraries."""
    host, server = environment.host, environment.server
    known = environment.packages | dict(packages)
    known = {name.lower(): version for name, version in known.items()}
    memory = host.memory_bytes
    cpu = textwrap.shorten(host.name or "unknown machine", 36)
    parts = [
        cpu,
        # Many processors share a name without a number, such as those of rented machines.
        "" if re.search(r"\d", cpu) else host.cpu_generation or "",
        f"{host.cores} cores" if host.cores else "",
        f"{memory / 1e9:.0f} GB" if memory else "",
        host.system or "",
    ]
    shown = {
        "asyncpg": "",
        "psycopg": "",
        "psycopg2-binary": "psycopg2",
        "sqlalchemy": "SQLAlchemy",
    }
    versions = [f"{shown[name] or name} {known[name]}" for name in shown if known.get(name)]
    return [
        ", ".join(part for part in parts if part),
        f"Python {environment.python}" if environment.python else "",
        f"PostgreSQL {server.version or '?'} by {server.transport or '?'}",
        ", ".join(versions),
    ]


def in_a_line(*parts: str) -> str:
    """Return the parts that are not empty, in a line that may break only between parts.

    A line also breaks after a comma or a semicolon within a part.
    """
    # A name and its version stay on one line, and so do a number and its unit.
    unbroken = [re.sub("(?<![,;]) ", "\N{NO-BREAK SPACE}", part) for part in parts if part]
    return "\N{NO-BREAK SPACE}· ".join(unbroken)


def save(figure: Figure, folder: Folder, name: str) -> list[Path]:
    """Write `name`.png and `name`.svg into the folder: both files complete, or neither.

    The name may contain text of a results file, so it is changed into one that cannot lead out of
    the folder. Returns the paths of the files.
    """
    plain = file_name(name)
    names = [f"{plain}.png", f"{plain}.svg"]
    with held_back(), folder.replacing(names[0]) as png, folder.replacing(names[1]) as svg:
        figure.savefig(png, format="png", dpi=DPI, pil_kwargs={"compress_level": 4})
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return [folder.path / name for name in names]


def _why(summary: Summary) -> str:
    words = [f"{count:,} {name}" for name, count in sorted(summary.errors.items())]
    runs = len(summary.failures)
    if runs:
        first = textwrap.shorten(summary.failures[0], 60)
        words.append(f"{runs} round{'s' if runs > 1 else ''}: {first}")
    return ", ".join(words)
