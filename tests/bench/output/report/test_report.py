"""A report is one file that needs no other, for any results, and links to every figure."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from shutil import copytree

import pytest

from bench.analysis import findings
from bench.analysis.selection import select
from bench.analysis.stats import Interval
from bench.model.case import Case
from bench.model.fetch import Fetch
from bench.model.plan import plan
from bench.model.profiles import PROFILES
from bench.model.units import RATES, TIMES
from bench.output.report import REPORT_FILE, comparison, render_to, single
from bench.output.report.cases import anchors
from bench.output.report.index import INDEX_FILE, write_index
from bench.output.report.rows_panel import LEFT, RIGHT, Entry, rows_panel
from bench.output.report.scale import scale_of
from bench.output.report.template import code
from bench.results import file as results
from bench.results.entries import Failure
from bench.results.file import Results
from tests.bench import synthetic
from tests.root import REFERENCE


class Page(HTMLParser):
    """The parts of a page that the tests check: ids, links, loaded files and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"]] if given.get("id") else []
        if tag == "a":
            self.links.append(given["href"] or "")
        self.loads += [value for name in ("src", "href") if (value := given.get(name))
                       if tag != "a" or name == "src"]  # fmt: skip

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def reference() -> Results:
    return results.load(REFERENCE)


@pytest.fixture(scope="module")
def page(reference: Results) -> str:
    return single.render(reference)


def test_it_asks_the_network_for_nothing(page: str) -> None:
    assert set(Page(page).loads) == {"data:,"}
    assert not re.search(r"https?://|url\(|@import|fetch\(|XMLHttp|import\(", page)


def test_code_is_marked_up(page: str) -> None:
    """Forbid raw backquotes in the small print of a finding."""
    texts = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "1ms" in texts, "the run has findings about the network"
    assert "`" not in texts


def test_one_long_interval_does_not_press_the_marks(reference: Results) -> None:
    """Forbid a linear scale of 2,000 µs for values of 200 µs, because one interval reaches so far.

    Its line goes on to the edge, with an arrow.
    """
    selection = select(reference)
    summary = selection.summaries[0]
    entries = [
        Entry(summary, "short", Interval(2e5, 1.9e5, 2.1e5, 6)),
        Entry(summary, "long", Interval(1e5, 0.9e5, 16e5, 6)),
    ]
    panel = rows_panel("client CPU", TIMES, {"": entries}, selection)
    assert panel
    short, long = panel.rows
    assert short.linear.x > (LEFT + RIGHT) / 2 - 10
    assert (short.linear.cut, long.linear.cut, long.log.cut) == (False, True, False)
    assert long.linear.high == RIGHT


def test_every_anchor_is_there_and_only_once(page: str) -> None:
    shown = Page(page)
    assert len(shown.ids) == len(set(shown.ids))
    within = {link[1:] for link in shown.links if link.startswith("#")}
    assert within <= set(shown.ids)


def test_every_case_has_its_rounds_its_samples_and_its_command(
    page: str, reference: Results
) -> None:
    shown = Page(page)
    text = "".join(shown.words)
    for case, anchor in anchors(reference.header.plan).items():
        assert anchor in shown.ids
        assert f"Key {case.key}" in text
        assert f"--backend {case.backend} --workload {case.workload}" in text
    assert text.count("Measure again bench run") == len(reference.cases)
    assert "run.jsonl" in shown.links


def test_every_figure_of_a_table_leads_to_its_case(page: str, reference: Results) -> None:
    """The name of each row is a link to the case of the row."""
    rows = re.findall(r'<tr class="b\d+[^"]*"><th scope="row"><a href="#([^"]+)">', page)
    places = anchors(reference.header.plan)
    assert sorted(rows) == sorted(place for case, place in places.items() if not case.twin)


def test_the_first_screen_has_question_facts_and_findings(page: str, reference: Results) -> None:
    before_charts = page.partition('<section id="charts"')[0]
    # The page keeps a number and its unit on one line.
    text = "".join(Page(before_charts).words).replace("\u00a0", " ")
    lead = single.headlines([f for f in findings.find(reference) if f.topic != findings.CAUTION])
    for finding in lead:
        assert finding.sentence.replace("`", "") in text
    for fact in ("PostgreSQL 18.4", "2 cores", "asyncpg 0.32.0", reference.header.command or "?"):
        assert fact in text


def test_one_report_holds_the_full_profile_in_less_than_three_megabytes(tmp_path: Path) -> None:
    from accessors import discover

    backends = {name: info for name, info in discover().items() if name in synthetic.BACKENDS}
    cases = list(plan(PROFILES["full"], backends).cases)
    full = synthetic.results(tmp_path, cases, rounds=5)
    render_to(tmp_path / REPORT_FILE, [full])
    assert len(cases) > 800
    assert (tmp_path / REPORT_FILE).stat().st_size < 3_000_000


@pytest.mark.parametrize(
    "cases",
    [
        [Case("asyncpg", synthetic.POINT)],
        [Case("null", synthetic.POINT), Case("null-async", synthetic.POINT)],
        [Case("asyncpg", synthetic.MANY, Fetch("streamed", 50))],
        [Case("orm+asyncpg", "mixed", concurrency=4, transactions="implicit")],
        [Case("asyncpg", "mixed", concurrency=n, loop="uvloop") for n in (1, 64)],
        [Case("asyncpg", "mixed", loop=loop) for loop in ("uvloop", "asyncio")],
        [Case("asyncpg", synthetic.MANY, rows="dict", concurrency=3)],
    ],
    ids=["one", "null", "streamed", "implicit", "uvloop", "two loops", "dict"],
)
@pytest.mark.parametrize("rounds", [1, 3])
def test_whatever_was_measured_can_be_read(cases: list[Case], rounds: int, tmp_path: Path) -> None:
    run = synthetic.results(tmp_path, cases, rounds)
    shown = Page(single.render(run))
    assert set(anchors(run.header.plan).values()) <= set(shown.ids)
    assert Page(comparison.render([run, run], tmp_path / "both.html")).ids


def test_a_case_that_gave_nothing_is_in_it_with_its_reason(tmp_path: Path) -> None:
    case = Case("asyncpg", synthetic.POINT)
    failed = synthetic.results(tmp_path, [case, Case("psycopg", synthetic.POINT, loop="none")])
    failed.runs = [run for run in failed.runs if run.case != case]
    failed.failures.append(Failure(case, 0, "the server is <gone>"))
    page = single.render(failed)
    assert "the server is &lt;gone&gt;" in page
    assert anchors(failed.header.plan)[case] in Page(page).ids


def test_what_a_user_typed_is_text(tmp_path: Path) -> None:
    """Forbid that a label, a command or an error is markup."""
    hostile = "<script>alert(1)</script>"
    run = synthetic.results(
        tmp_path, [Case("asyncpg", synthetic.POINT)], label=hostile, command=hostile
    )
    page = single.render(run)
    assert hostile not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_scale_is_round_and_holds_its_values() -> None:
    for values in ([5.0], [0.2, 3.0], [11.0, 970.0], [1e-3, 1e6]):
        for log in (False, True):
            scale = scale_of(values, 0, 100, RATES, log=log)
            assert all(0 <= scale.at(value) <= 100 for value in values)
            places = [tick.place for tick in scale.ticks()]
            assert places == sorted(set(places))
            assert len(places) <= 7
    assert scale_of([], 0, 100, RATES, log=True).ticks()


def test_a_comparison_says_which_environments_differ(reference: Results, tmp_path: Path) -> None:
    environment = replace(reference.header.environment, python="3.99.0")
    elsewhere = replace(
        reference,
        folder=tmp_path / "elsewhere",
        header=replace(reference.header, environment=environment),
    )
    unlike = comparison.render([reference, elsewhere], tmp_path / "both.html")
    assert "Different environments:" in unlike
    assert "Client differ" in unlike
    assert "Different environments:" not in comparison.render(
        [reference, reference], tmp_path / "x"
    )


def test_runs_of_different_rows_are_not_compared(reference: Results) -> None:
    """Forbid a wrong "faster": reading 100 customers takes less time than reading 10,000."""
    small = replace(reference.header.dataset, content="another", scale=0.01)
    other = replace(reference, header=replace(reference.header, dataset=small))
    assert comparison.why_not([reference, reference]) == []
    (reason,) = comparison.why_not([reference, other])
    assert reason.startswith("datasets differ: scale ")
    assert "Compared by force" not in comparison.render([reference, reference], Path("x.html"))
    assert "Compared by force" in comparison.render([reference, other], Path("x.html"))


def test_a_comparison_leads_to_the_cases_of_its_runs(reference: Results, tmp_path: Path) -> None:
    other = replace(reference, folder=tmp_path / "other")
    first = replace(reference, folder=tmp_path / "first")
    shown = Page(comparison.render([first, other], tmp_path / "both.html"))
    assert (
        f"first/{REPORT_FILE}#{anchors(reference.header.plan)[reference.cases[0]]}" in shown.links
    )
    assert len(shown.ids) == len(set(shown.ids))


def test_a_comparison_names_the_event_loop(tmp_path: Path) -> None:
    """Forbid two rows `asyncpg` in a panel, tables without uvloop, and `1 backends`."""
    plan = [Case("asyncpg", synthetic.POINT, loop=loop) for loop in ("asyncio", "uvloop")]
    made = synthetic.results(tmp_path, plan)
    run = replace(made, header=replace(made.header, verified={"asyncpg": 44}))
    page = comparison.render([run, run], tmp_path / "both.html")
    assert page.count(">asyncpg uvloop</a></th>") == 1
    assert page.count(">asyncpg</a></th>") == 1
    assert "44 answers of one backend, before any measurement" in page
    assert re.search(r">\s*asyncpg uvloop\s*</text>", page)


def test_runs_of_one_name_are_told_apart(reference: Results, tmp_path: Path) -> None:
    runs = [replace(reference, folder=tmp_path / place / "run") for place in ("a", "b")]
    text = comparison.render(runs, tmp_path / "both.html")
    assert "a/run and b/run" in text


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A results folder with two runs, a run killed at its first line, and an empty folder."""
    for name in ("old", "new"):
        copytree(REFERENCE, tmp_path / name)
    file = tmp_path / "old" / results.RUN_FILE
    first, *rest = file.read_text().splitlines()
    header = json.loads(first) | {"created_at": "2020-01-01T00:00:00+00:00", "label": "of old"}
    file.write_text("\n".join([json.dumps(header), *rest[:3]]) + "\n")
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / results.RUN_FILE).write_text('{"kind": "hea')
    (tmp_path / "litter").mkdir()
    return tmp_path


def test_the_index_has_every_run_newest_first(listed: Path) -> None:
    page = write_index(listed).read_text()
    folders = re.findall(r'<tr data-folder="([^"]+)"', page)
    assert folders == ["new", "old"]
    assert re.search(r'class="error">killed<', page), "the old one has no last line"
    assert set(Page(page).loads) == {"data:,"}


def test_the_index_of_nothing_says_what_to_type(tmp_path: Path) -> None:
    assert "bench run" in write_index(tmp_path).read_text()
    assert (tmp_path / INDEX_FILE).is_file()


def test_no_line_ends_within_an_option_or_before_a_unit() -> None:
    assert code("Try `a`: bench run --rounds 12, 95 % <b>, 3.46 µs, 12 MB of 2 sets") == (
        'Try <code>a</code>: bench run <span class="whole">--rounds</span> 12, '
        "95\N{NO-BREAK SPACE}% &lt;b&gt;, 3.46\N{NO-BREAK SPACE}µs, "
        "12\N{NO-BREAK SPACE}MB of 2 sets"
    )


def test_a_comparison_says_what_is_divided_out_and_where_processors_differ(
    reference: Results, tmp_path: Path
) -> None:
    """Forbid a ratio that contradicts the figures beside it, and a pinned run that looks unpinned.

    Other names of a label and a folder are no difference of environments.
    """
    command = reference.header.command or ""
    renamed = replace(
        reference, header=replace(reference.header, command=f"{command} --label 'b c'")
    )
    page = comparison.render([reference, renamed], tmp_path / "both.html")
    assert "Different environments" not in page
    assert re.search(r"All cases together in .*: 1\.00x .* as fast, .*divided out of every", page)
    unpinned = replace(reference, header=replace(reference.header, pinned=None))
    page = comparison.render([reference, unpinned], tmp_path / "both.html")
    assert "Method differs" in page
    assert "interleaved, not pinned" in page
