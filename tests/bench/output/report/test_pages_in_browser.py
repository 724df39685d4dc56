"""The pages in a real browser: they work, fit every width, and are accessible."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest

pytest.importorskip("playwright", reason="pip install 'gatherbench[dev]' brings the browser tests")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from bench.output.report import REPORT_FILE, comparison, render_to
from bench.output.report.index import INDEX_FILE, write_index
from bench.results import file as results
from tests.bench.output.report.browser import OVERLAPS, WIDTHS, Watched, browser
from tests.root import REFERENCE

STREAMING = REFERENCE.with_name("reference-streaming")
PAGES = ("report", "streaming", "comparison", "index")


Open = Callable[..., Watched]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return name -> page, of two runs: the second was measured later, on another machine."""
    whole = _pages_of_two_runs(tmp_path_factory.mktemp("results"), REFERENCE)
    part = tmp_path_factory.mktemp("part")
    _two_backends(REFERENCE / results.RUN_FILE, part / results.RUN_FILE)
    short = _pages_of_two_runs(tmp_path_factory.mktemp("few"), part)
    streaming = tmp_path_factory.mktemp("streaming")
    _two_backends(STREAMING / results.RUN_FILE, streaming / results.RUN_FILE)
    render_to(streaming / REPORT_FILE, [results.load(streaming)])
    of_streaming = {"streaming": streaming / REPORT_FILE}
    return whole | of_streaming | {f"short {name}": page for name, page in short.items()}


def _pages_of_two_runs(home: Path, run: Path) -> dict[str, Path]:
    for name in ("first", "second"):
        copytree(run, home / name, ignore=lambda *_: ["charts"])
    _change(home / "second" / results.RUN_FILE)
    runs = [results.load(home / name) for name in ("first", "second")]
    for run in runs:
        render_to(run.folder / REPORT_FILE, [run])
    both = home / comparison.file_name(runs)
    render_to(both, runs)
    write_index(home)
    report = home / "first" / REPORT_FILE
    return {"report": report, "comparison": both, "index": home / INDEX_FILE}


def _change(file: Path) -> None:
    header, *lines = file.read_text().splitlines()
    changed = json.loads(header) | {"label": "upgraded", "created_at": "2030-01-01T00:00:00+00:00"}
    changed["environment"]["host"]["cpu"] = "another processor"
    file.write_text("\n".join([json.dumps(changed), *lines]) + "\n")


def _two_backends(whole: Path, part: Path) -> None:
    """Copy a run with two of its backends: all parts of a page, in a fifth of the time."""
    header, *lines = map(json.loads, whole.read_text().splitlines())
    backends = {name: header["backends"][name] for name in ("psycopg2", "orm+asyncpg")}
    plan = [case for case in header["plan"] if case["backend"] in backends]
    kept = [line for line in lines if line.get("case", plan[0])["backend"] in backends]
    written = [header | {"backends": backends, "plan": plan}, *kept]
    part.write_text("".join(json.dumps(line) + "\n" for line in written))


@pytest.fixture
def visit(chromium: Browser, pages: dict[str, Path]) -> Iterator[Open]:
    """Return a function that opens a page.

    After each test: no page had an error, and no page requested anything but files.
    """
    contexts = []
    watched = []

    def open_page(name: str, width: int = 1024, **options: object) -> Watched:
        options = {"viewport": {"width": width, "height": 1000}, **options}
        context = chromium.new_context(**options)
        contexts.append(context)
        watched.append(Watched(context.new_page(), pages[name]))
        return watched[-1]

    yield open_page
    for page in watched:
        assert page.errors == []
        assert all(url.startswith(("file:", "data:")) for url in page.requests), page.requests
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overlaps_or_is_cut_off(name: str, width: int, visit: Open) -> None:
    page = visit(name, width).page
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.locator("input.log-scale").all():
        box.click()
    assert page.evaluate(OVERLAPS) == []


@pytest.mark.parametrize("name", ["short report", "streaming", "short comparison", "index"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_checker_finds_nothing(name: str, scheme: str, visit: Open) -> None:
    """axe-core checks contrast, names, roles, regions and keyboard use.

    https://github.com/dequelabs/axe-core
    """
    page = visit(name, color_scheme=scheme).page
    page.evaluate("document.querySelector('details.case')?.setAttribute('open', '')")
    # The dark scheme differs only in its colours.
    rules = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}
    options = {"resultTypes": ["violations"]} | rules
    violations = Axe().run(page, options=options).response["violations"]
    assert [
        (violation["id"], [node["html"][:120] for node in violation["nodes"][:3]])
        for violation in violations
    ] == []


def test_a_backend_can_be_hidden_and_shown_in_charts_and_tables(visit: Open) -> None:
    page = visit("report").page
    box = page.get_by_role("checkbox", name="asyncpg", exact=True)
    marks = page.locator("#overview .mark[aria-label^='asyncpg:']")
    row = page.locator("#tables tbody tr", has=page.get_by_role("link", name="asyncpg", exact=True))
    expect(marks.first).to_be_visible()
    box.uncheck()
    expect(marks.first).to_be_hidden()
    expect(row.first).to_be_hidden()
    page.get_by_role("button", name="None", exact=True).click()
    expect(page.locator("#overview .mark:visible")).to_have_count(0)
    page.get_by_role("button", name="All", exact=True).click()
    expect(row.first).to_be_visible()


def test_a_scale_becomes_logarithmic_and_linear_again(visit: Open) -> None:
    chart = visit("report").page.locator("#overview")
    expect(chart.locator(".linear.axis").first).to_be_visible()
    for first, then in (("log", "linear"), ("linear", "log")):
        chart.locator(".log-scale").click()
        expect(chart.locator(f".{first}.axis").first).to_be_visible()
        expect(chart.locator(f".{then}.axis").first).to_be_hidden()


def test_the_pointer_and_a_click_lead_from_a_mark_to_its_case(visit: Open) -> None:
    page = visit("report").page
    mark = page.locator("#overview .mark").first
    mark.scroll_into_view_if_needed()
    page.mouse.move(0, 0)  # the pointer then moves to a mark that no longer scrolls
    mark.hover()
    tip = page.get_by_role("tooltip")
    expect(tip).to_have_text(mark.get_attribute("aria-label") or "")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    mark.click()
    case = page.locator(f"details#{mark.get_attribute('data-case')}")
    assert case.evaluate("details => details.open")
    expect(case).to_be_in_viewport()


def test_a_table_is_sorted_by_keyboard_up_and_down_and_says_so(visit: Open) -> None:
    page = visit("report").page
    table = page.locator("table.sortable").first
    heading = table.locator("th", has_text="p50")
    at = heading.evaluate("cell => cell.cellIndex")

    def column() -> list[float]:
        cells = (
            "table => [...table.tBodies[0].rows]"
            f".map((row) => Number(row.cells[{at}].dataset.sort))"
        )
        return list(table.evaluate(cells))

    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert column() == sorted(column())
    assert heading.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert column() == sorted(column(), reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"


def test_the_theme_is_the_systems_until_one_is_chosen(visit: Open) -> None:
    page = visit("report", color_scheme="dark").page
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(22, 24, 28)"
    page.get_by_label("Theme").select_option("light")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("name", PAGES)
def test_without_javascript_all_is_there_and_nothing_is_dead(name: str, visit: Open) -> None:
    page = visit(name, java_script_enabled=False).page
    expect(page.locator(".needs-script:visible")).to_have_count(0)
    assert page.locator("main table:visible").count()
    if name == "report":
        expect(page.locator(".findings li").first).to_be_visible()
        page.get_by_role("checkbox", name="asyncpg", exact=True).uncheck()
        expect(page.locator("#overview .mark[aria-label^='asyncpg:']").first).to_be_hidden()
        page.locator("#overview .log-scale").check()
        expect(page.locator("#overview .log.axis").first).to_be_visible()
        page.locator("details.case summary").first.click()
        expect(page.locator("details.case table").first).to_be_visible()


def test_on_paper_it_is_light_and_without_controls(visit: Open) -> None:
    page = visit("report", color_scheme="dark").page
    page.emulate_media(media="print")
    for gone in ("nav", ".controls", ".theme", ".scale"):
        expect(page.locator(gone).first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_everything_can_be_reached_by_keyboard(visit: Open) -> None:
    page = visit("report").page
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    unreachable = page.evaluate(
        "[...document.querySelectorAll('a, button, input, select, summary, .wide')]"
        ".filter((element) => element.checkVisibility() && element.tabIndex < 0).length"
    )
    assert unreachable == 0


def test_the_index_filters_and_puts_two_runs_side_by_side(visit: Open) -> None:
    page = visit("index").page
    rows = page.locator("#runs tbody tr:visible")
    expect(rows).to_have_count(2)
    assert "second" in rows.first.inner_text(), "the newest is first"
    page.get_by_label("Label").fill("UPGRADED")
    expect(rows).to_have_count(1)
    page.get_by_label("Label").fill("")
    page.get_by_label("Machine").select_option(index=1)
    expect(rows).to_have_count(1)
    page.get_by_label("Machine").select_option("")
    page.get_by_label("Version").select_option("PostgreSQL 18.4")
    expect(rows).to_have_count(2)
    for box in page.locator(".pick").all():
        box.check()
    expect(page.locator("#two a")).to_have_attribute("href", "first-vs-second.html")
    planned = results.load(REFERENCE).header.plan
    expect(page.locator("#two tbody tr")).to_have_count(len(planned))
    assert set(page.locator("#two tbody td:last-child").all_inner_texts()) == {"indistinguishable"}
    assert page.evaluate(OVERLAPS) == []
    page.locator("#two a").click()
    expect(page.locator("h1")).to_have_text("reference and upgraded")


def test_a_comparison_leads_to_the_case_in_the_runs_own_report(visit: Open) -> None:
    page = visit("comparison").page
    expect(page.get_by_text("Different environments:")).to_be_visible()
    page.locator("#tables tbody a").first.click()
    assert page.url.endswith(f"first/{REPORT_FILE}#case-1")
    assert page.locator("#case-1").evaluate("details => details.open")
