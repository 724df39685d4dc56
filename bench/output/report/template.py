"""From what is to be shown to HTML: jinja2, and the style and script that go into every page."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.analysis.look import Look


@dataclass(frozen=True)
class LegendEntry:
    """What can be hidden and shown, in its hue."""

    place: int
    look: Look
    hue: str

    @property
    def in_the_dark(self) -> str:
        """The hue on a dark ground: a third of the way to white."""
        parts = (int(self.hue[at : at + 2], 16) for at in (1, 3, 5))
        return "#" + "".join(f"{round(part + (255 - part) * 0.33):02x}" for part in parts)


@dataclass(frozen=True)
class Section:
    """A section of the page that a study adds."""

    anchor: str
    name: str
    """The name in the list of the page's parts."""
    html: Markup


def render_page(template: str, **shown: Any) -> str:
    """A whole page. Everything shown is escaped."""
    page = _environment().get_template(template)
    return page.render(style=source("style.css"), script=source("script.js"), **shown)


def render_part(package: str, template: str, **shown: Any) -> Markup:
    """Render a part of a page by a template in the folder `page` of another package."""
    return Markup(_environment(package).get_template(template).render(**shown))


@cache
def _environment(package: str = "bench.output.report") -> Environment:
    environment = Environment(
        loader=PackageLoader(package, "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = code
    environment.filters["unbroken"] = unbroken
    return environment


def code(text: str) -> Markup:
    """What stands between backquotes as <code>, an option in one piece, all else as it is."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(unbroken(text)))
    return Markup(marked)


def unbroken(text: str) -> Markup:
    """A line ends neither within the dashes of an option (`--rounds`) nor before a percent sign."""
    kept = str(escape(text)).replace(" %", "\N{NO-BREAK SPACE}%")
    return Markup(re.sub(r"(?<!\S)--[\w-]+", r'<span class="whole">\g<0></span>', kept))


def source(name: str) -> Markup:
    """A file that goes into a page as it is."""
    return Markup((files("bench.output.report") / "page" / name).read_text(encoding="utf-8"))
