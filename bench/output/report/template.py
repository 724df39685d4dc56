"""HTML from templates: jinja2, and the style sheet and script that every page contains."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.analysis.look import Look

_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|[nµm]?s|[kMG]?B)(?!\w))")


@dataclass(frozen=True)
class LegendEntry:
    """A backend that the page can hide and show, with its hue."""

    place: int
    look: Look
    hue: str

    @property
    def in_the_dark(self) -> str:
        """The hue for the dark theme: mixed with a third of white."""
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
    """Return a whole page. `shown`: the variables of the template, which are escaped."""
    page = _environment().get_template(template)
    return page.render(style=source("style.css"), script=source("script.js"), **shown)


def render_part(package: str, template: str, **shown: Any) -> Markup:
    """Return a part of a page, by a template in the folder `page` of another package."""
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
    """Return the text, escaped, with <code> for backquotes and options that are not broken."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(unbroken(text)))
    return Markup(marked)


def unbroken(text: str) -> Markup:
    """Return the text, escaped, such that no line breaks in an option or before a unit.

    A browser would break a line after the dashes of `--rounds`.
    """
    kept = _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", str(escape(text)))
    return Markup(re.sub(r"(?<!\S)--[\w-]+", r'<span class="whole">\g<0></span>', kept))


def source(name: str) -> Markup:
    """Return the text of a file of the folder `page`, which is not escaped."""
    return Markup((files("bench.output.report") / "page" / name).read_text(encoding="utf-8"))
