"""The page of a streaming run answers the experiment's questions; other pages lack this part."""

import re

import pytest

from bench.analysis.summary import Summary, summarise
from bench.output.report import single
from bench.results import file as results
from bench.results.entries import End
from bench.results.file import Results
from bench.studies.streaming.checks import checks
from bench.studies.streaming.columns import verdict
from bench.studies.streaming.entries import BareLoop
from bench.studies.streaming.evidence import ways_of
from bench.studies.streaming.garbage_collector import collected
from bench.studies.streaming.report import Streaming, streaming
from tests.root import ROOT

RESULTS = ROOT / "results"


@pytest.fixture(scope="module")
def run() -> Results:
    return results.load(RESULTS / "reference-streaming")


@pytest.fixture(scope="module")
def summaries(run: Results) -> list[Summary]:
    return summarise(run)


@pytest.fixture(scope="module")
def shown(run: Results, summaries: list[Summary]) -> Streaming:
    section = streaming(run, summaries)
    assert section
    return section


@pytest.fixture(scope="module")
def section(run: Results, summaries: list[Summary]) -> str:
    page = single.render(run, summaries)
    match = re.search(r'<section id="streaming".*?</section>', page, re.DOTALL)
    assert match
    return match[0]


def test_every_timed_way_has_its_verdict(
    run: Results, summaries: list[Summary], section: str
) -> None:
    """Forbid that only the terminal shows the verdicts of a streaming run."""
    verdicts = re.findall(
        r'<th scope="row">([^<]+)</th><td>([^<]+)\s*<td class="[\w-]+">([^<]+?)\s*<', section
    )
    ways = [way for way in ways_of(run, summaries) if way.points]
    assert sorted(verdicts) == sorted((way.backend, str(way.fetch), verdict(way)) for way in ways)


def test_every_promise_is_told_with_its_figure(
    run: Results, summaries: list[Summary], section: str
) -> None:
    held = checks(ways_of(run, summaries), summaries, run.probed_as(BareLoop))
    assert held
    promises = re.findall(
        r">(holds|undecided|broken)</\w+> (.*?): <b class=\"whole\">(.*?)</b>", section
    )
    assert promises == [
        (check.word, check.sentence.replace("'", "&#39;"), check.figure) for check in held
    ]


def test_the_longest_bar_of_a_figure_fills_its_cell(shown: Streaming) -> None:
    assert shown.point
    assert [way.verdict for _, way, _ in shown.point.rows] == [
        "buffers",
        "streams in batches",
        "buffers",
    ]
    for column in zip(*(bars for _, _, bars in shown.point.rows), strict=True):
        assert max(bar.share for bar in column) == 1
        assert all(0 < bar.share <= 1 for bar in column)


def test_figures_of_runs_are_all_of_one_size(shown: Streaming) -> None:
    """Forbid the server's time of 100,000 rows in a column of 10,000: it is ten times too large.

    Some cases run more rows than the others, since a promise needs a ratio of theirs.
    """
    customers = shown.verdicts[0]
    (server,) = (column for column in customers.columns if column.name.startswith("server"))
    of = {
        (way.backend, str(way.fetch)): cell.sort
        for way, cell in zip(customers.rows, server.cells, strict=True)
    }
    promised = next(way for way in customers.rows if {10_000, 100_000} <= way.points.keys())
    assert of[promised.backend, str(promised.fetch)] == promised.points[10_000].server_cpu_ns


def test_a_whole_run_is_not_called_unfinished(run: Results, summaries: list[Summary]) -> None:
    """Forbid "4 cases were not measured" for bare loops, which have neither round nor process."""
    assert run.end == End("complete")
    assert "not measured." not in single.render(run, summaries)


def test_what_the_collector_takes_is_told(
    summaries: list[Summary], section: str, shown: Streaming
) -> None:
    match = re.search(r'<table class="fetches" id="collector">.*?</table>', section, re.DOTALL)
    assert match
    rows = [re.findall(r"<td>([^<]*)", row) for row in match[0].split("<tr")[2:]]
    taken = collected(summaries)
    assert len(taken) == 4
    assert rows == [[str(share.fetch), *share.cells] for share in taken]


def test_another_run_has_no_such_part() -> None:
    other = results.load(RESULTS / "reference")
    assert streaming(other, summarise(other)) is None
    assert 'id="streaming"' not in single.render(other)
