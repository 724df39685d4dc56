"""A real browser for the tests of pages: the system's Chromium, without a window."""

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
  const name = (each) => each.textContent.trim().slice(0, 30);
  const found = [];
  const among = (elements, where) => {
    const boxes = elements
      .map((each) => [each, each.getBoundingClientRect()])
      .filter(([, box]) => shown(box));
    boxes.forEach(([one, a], at) => {
      for (const [other, b] of boxes.slice(at + 1)) {
        if (meet(a, b)) found.push(`${where}: ${name(one)} / ${name(other)}`);
      }
    });
    return boxes;
  };
  for (const svg of document.querySelectorAll(".panel svg")) {
    const edge = svg.getBoundingClientRect();
    const title = svg.getAttribute("aria-label");
    for (const [each, box] of among([...svg.querySelectorAll("text")], title)) {
      if (box.left < edge.left - 1 || box.right > edge.right + 1 || box.bottom > edge.bottom + 1) {
        found.push(`${title}: ${name(each)} is cut off`);
      }
    }
  }
  const blocks = "header, .bar, main, section, .first, .choices, .panels, .panel, figure, form, dl";
  const inFlow = (each) => getComputedStyle(each).position === "static";
  for (const parent of document.querySelectorAll(blocks)) {
    among([...parent.children].filter(inFlow), parent.className || parent.tagName);
  }
  for (const cell of document.querySelectorAll("td, th")) {
    if (cell.scrollWidth > cell.clientWidth + 1) found.push(`a cell is too narrow: ${name(cell)}`);
  }
  return found;
}
"""
"""Words on words, words beyond their drawing, blocks on blocks; none is the wish."""


def executable() -> str:
    """The system's Chromium. Skips without one, but not in CI, where it has to be."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing = "no Chromium here: apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        yield opened
        opened.close()


class Watched:
    """A page that remembers what went wrong in it, and what it asked for."""

    def __init__(self, page: Page, file: Path) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self._hear(line.type, line.text))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())
        self.page = page

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.errors.append(text)
