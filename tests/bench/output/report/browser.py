"""A real browser for the tests of pages: the Chromium of the system, without a window."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (390, 1024, 1920)

OVERLAPS = """
() => {
  const shown = (box) => box.width > 0 && box.height > 0;
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
  const name = (element) => element.textContent.trim().slice(0, 30);
  const defects = [];
  const among = (elements, where) => {
    const boxes = elements
      .map((element) => [element, element.getBoundingClientRect()])
      .filter(([, box]) => shown(box));
    boxes.forEach(([first, a], at) => {
      for (const [other, b] of boxes.slice(at + 1)) {
        if (meet(a, b)) defects.push(`${where}: ${name(first)} / ${name(other)}`);
      }
    });
    return boxes;
  };
  for (const svg of document.querySelectorAll(".panel svg")) {
    const edge = svg.getBoundingClientRect();
    const title = svg.getAttribute("aria-label");
    for (const [text, box] of among([...svg.querySelectorAll("text")], title)) {
      if (box.left < edge.left - 1 || box.right > edge.right + 1 || box.bottom > edge.bottom + 1) {
        defects.push(`${title}: ${name(text)} is cut off`);
      }
    }
  }
  const blocks = "header, .bar, main, section, .first, .choices, .panels, .panel, figure, form, dl";
  const inFlow = (element) => getComputedStyle(element).position === "static";
  for (const parent of document.querySelectorAll(blocks)) {
    among([...parent.children].filter(inFlow), parent.className || parent.tagName);
  }
  for (const cell of document.querySelectorAll("td, th")) {
    const narrow = cell.scrollWidth > cell.clientWidth + 1;
    if (narrow) defects.push(`a cell is too narrow: ${name(cell)}`);
  }
  return defects;
}
"""
"""JavaScript that returns the defects of the layout, as texts; an empty list if there are none.

Defects are texts that overlap or leave their panel, blocks that overlap, and cells that are too
narrow.
"""


def executable() -> str:
    """Return the path of the system's Chromium.

    Without one, skip the test; in CI, fail it.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing = "no Chromium here: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return path


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser, and close it after the `with` block."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        yield opened
        opened.close()


class Watched:
    """A page that records its errors and its requests."""

    def __init__(self, page: Page, file: Path) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self._record(line.type, line.text))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())
        self.page = page

    def _record(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.errors.append(text)
