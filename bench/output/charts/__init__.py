"""Charts of results. Only this package imports matplotlib."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from bench.analysis.compare.comparison import Comparison
from bench.analysis.compare.history import Moment
from bench.analysis.figure import Figure
from bench.analysis.look import look_of
from bench.analysis.selection import Selection, select
from bench.analysis.summary import Summary, summarise
from bench.model.study import studies, study_of
from bench.results.file import Results
from bench.results.header import NOT_DESCRIBED, BackendFacts
from bench.system.current_folder import kept_from_matplotlib
from bench.system.interrupts import held_back
from bench.system.output_files import made_folder

# An interrupt during this import would make matplotlib's extensions report a failed import, or
# end the process.
with held_back():
    with kept_from_matplotlib():
        import matplotlib  # noqa: F401 - it reads its settings now
    from bench.output.charts import (
        forest,
        history,
        latency,
        layers,
        overview,
        settings,
        streaming,
        style,
        sync_async,
        throughput,
    )
    from bench.output.charts import transactions as transactions_chart
    from bench.output.charts.page import save

FAMILIES = (
    overview,
    throughput,
    latency,
    layers,
    sync_async,
    streaming,
    transactions_chart,
    settings,
)


def draw(results: Results, folder: Path, summaries: list[Summary] | None = None) -> list[Path]:
    """Draw every chart that the results have data for, as PNG and SVG in `folder`/charts/.

    Only the results file is read: no backend is imported, and no database is queried. `summaries`
    are those of the results, to avoid making them again. Returns the paths of the files.
    """
    summaries = summarise(results) if summaries is None else summaries
    selection = select(results, summaries)
    study = study_of(results.header.profile)
    if study and study.charts:
        figures = study.call(study.charts, results, summaries, selection)
    else:
        figures = chain.from_iterable(family.figures(selection) for family in FAMILIES)
    more = [
        study.call(study.charts_of_runs, results, summaries, selection)
        for study in studies()
        if study.charts_of_runs
    ]
    with made_folder(folder) as parent, parent.folder("charts", make=True) as into, style.styled():
        return [path for name, figure in chain(figures, *more) for path in save(figure, into, name)]


def draw_comparison(
    comparison: Comparison, selections: Sequence[Selection], folder: Path
) -> list[Path]:
    """Draw one forest plot per workload of a comparison, as PNG and SVG in `folder`.

    `selections` has one for each run, in their order. Returns the paths of the files.
    """
    with made_folder(folder) as into, style.styled():
        return [
            path
            for name, figure in forest.figures(comparison, selections)
            for path in save(figure, into, name)
        ]


def draw_history(
    moments: list[Moment],
    figure: Figure,
    newest: Results,
    described: Mapping[str, BackendFacts],
    folder: Path,
    name: str,
) -> list[Path]:
    """Draw the chart of a history, as PNG and SVG in `folder`, with the caption of the newest run.

    `described` has the backends of all runs. Returns the paths of the files.
    """
    backends = {case.backend for moment in moments for case in moment.figures}
    looks = {name: look_of(name, described.get(name, NOT_DESCRIBED)) for name in backends}
    selection = replace(select(newest), looks=looks)
    with made_folder(folder) as into, style.styled():
        return save(history.picture(moments, figure, selection), into, name)
